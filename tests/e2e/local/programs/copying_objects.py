"""copy and deepcopy: shared parts, cycles, hooks and replaced fields."""

import copy


class Node:
    def __init__(self, name):
        self.name, self.links = name, []


class Connection:
    opened = 0

    def __init__(self, host, cache=None):
        Connection.opened += 1
        self.host, self.cache = host, cache or {}

    def __copy__(self):
        return Connection(self.host, self.cache)

    def __deepcopy__(self, memo):
        return Connection(self.host, copy.deepcopy(self.cache, memo))


class Point:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y


class Tagged(list):
    def __init__(self, items, tag):
        super().__init__(items)
        self.tag = tag


original = {"a": [1, 2], "b": {"c": (3, [4])}}
shallow, deep = copy.copy(original), copy.deepcopy(original)
original["a"].append(99)
original["b"]["c"][1].append(5)
print(shallow, deep)
a, b = Node("a"), Node("b")
a.links, b.links = [b, b], [a]
twin = copy.deepcopy(a)
print(twin is not a, twin.links[0] is twin.links[1], twin.links[0].links[0] is twin, twin.links[0].name)
first = Connection("host", {"k": [1]})
second, third = copy.copy(first), copy.deepcopy(first)
first.cache["k"].append(2)
print(second.cache, third.cache, Connection.opened)
p = copy.copy(Point(1, 2))
t = copy.deepcopy(Tagged([[1]], "tag"))
print(p.x, p.y, t, t.tag, type(t).__name__)
atoms = (1, "x", None, print, int, frozenset([1]), range(3))
print(all(copy.deepcopy(atom) is atom or atom == copy.deepcopy(atom) for atom in atoms), copy.copy([1]) == [1][:])
shared = [0]
grid = [shared] * 3
cloned = copy.deepcopy(grid)
cloned[0].append(1)
print(grid, cloned, [row[:] for row in grid][0] is shared)
nested = []
for _ in range(200):
    nested = [nested]
print(copy.deepcopy(nested) == nested)
try:
    copy.deepcopy(n for n in range(3))
except TypeError as error:
    print(type(error).__name__)
