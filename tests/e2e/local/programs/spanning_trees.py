"""Minimum spanning trees by Kruskal and Prim, with a union-find structure."""

import heapq
from collections import defaultdict


class DisjointSets:
    def __init__(self, items):
        self.parent = {item: item for item in items}
        self.size = dict.fromkeys(self.parent, 1)

    def find(self, item):
        while self.parent[item] != item:
            self.parent[item] = self.parent[self.parent[item]]
            item = self.parent[item]
        return item

    def union(self, a, b):
        a, b = self.find(a), self.find(b)
        if a == b:
            return False
        if self.size[a] < self.size[b]:
            a, b = b, a
        self.parent[b] = a
        self.size[a] += self.size[b]
        return True


EDGES = [
    ("A", "B", 7),
    ("A", "D", 5),
    ("B", "C", 8),
    ("B", "D", 9),
    ("B", "E", 7),
    ("C", "E", 5),
    ("D", "E", 15),
    ("D", "F", 6),
    ("E", "F", 8),
    ("E", "G", 9),
    ("F", "G", 11),
]


def kruskal(edges):
    sets = DisjointSets({node for a, b, _ in edges for node in (a, b)})
    return [(a, b, w) for a, b, w in sorted(edges, key=lambda e: e[2]) if sets.union(a, b)]


def prim(edges, start):
    graph = defaultdict(list)
    for a, b, w in edges:
        graph[a].append((w, a, b))
        graph[b].append((w, b, a))
    seen, heap, tree = {start}, graph[start][:], []
    heapq.heapify(heap)
    while heap:
        w, a, b = heapq.heappop(heap)
        if b not in seen:
            seen.add(b)
            tree.append((a, b, w))
            for edge in graph[b]:
                heapq.heappush(heap, edge)
    return tree


one, two = kruskal(EDGES), prim(EDGES, "A")
print(one, two, sum(w for *_, w in one) == sum(w for *_, w in two), sum(w for *_, w in one), sep="\n")
friends = DisjointSets(range(10))
for a, b in [(0, 1), (2, 3), (1, 3), (7, 8), (9, 7), (0, 2)]:
    print((a, b), "joined" if friends.union(a, b) else "already together")
groups = defaultdict(list)
for person in range(10):
    groups[friends.find(person)].append(person)
print(sorted(groups.values()))
