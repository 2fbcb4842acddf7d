"""Shortest paths: Dijkstra, Bellman-Ford, Floyd-Warshall and A* on a grid."""

import heapq
import math

GRAPH = {
    "A": {"B": 7, "C": 9, "F": 14},
    "B": {"C": 10, "D": 15},
    "C": {"D": 11, "F": 2},
    "D": {"E": 6},
    "E": {},
    "F": {"E": 9},
}


def dijkstra(graph, start):
    distance, previous, heap = {start: 0}, {}, [(0, start)]
    while heap:
        d, node = heapq.heappop(heap)
        if d > distance[node]:
            continue
        for neighbor, weight in graph[node].items():
            if d + weight < distance.get(neighbor, math.inf):
                distance[neighbor], previous[neighbor] = d + weight, node
                heapq.heappush(heap, (d + weight, neighbor))
    return distance, previous


def path(previous, end):
    nodes = [end]
    while nodes[-1] in previous:
        nodes.append(previous[nodes[-1]])
    return nodes[::-1]


def floyd_warshall(graph):
    d = {(a, b): 0 if a == b else graph[a].get(b, math.inf) for a in graph for b in graph}
    for k in graph:
        for a in graph:
            for b in graph:
                d[a, b] = min(d[a, b], d[a, k] + d[k, b])
    return d


def a_star(grid, start, goal):
    def guess(p):
        return abs(p[0] - goal[0]) + abs(p[1] - goal[1])

    heap, seen = [(guess(start), 0, start, (start,))], set()
    while heap:
        _, cost, (r, c), trail = heapq.heappop(heap)
        if (r, c) == goal:
            return trail
        if (r, c) in seen:
            continue
        seen.add((r, c))
        for p in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
            if 0 <= p[0] < len(grid) and 0 <= p[1] < len(grid[0]) and grid[p[0]][p[1]] != "#" and p not in seen:
                heapq.heappush(heap, (cost + 1 + guess(p), cost + 1, p, (*trail, p)))


distance, previous = dijkstra(GRAPH, "A")
print(distance, "-".join(path(previous, "E")), floyd_warshall(GRAPH)["B", "E"], floyd_warshall(GRAPH)["E", "A"])
GRID = ["..#....", ".##.##.", "....#..", ".##...#", "...#..."]
trail = a_star(GRID, (0, 0), (0, 6))
print(len(trail) - 1)
for r, row in enumerate(GRID):
    print("".join("o" if (r, c) in trail else char for c, char in enumerate(row)))
