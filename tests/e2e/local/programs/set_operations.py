"""Sets and frozensets: algebra, updates, subsets and what can be put in."""

a, b = {1, 2, 3, 4}, {3, 4, 5}
print(a | b, a & b, a - b, b - a, a ^ b, a.isdisjoint({9}), {3} < a <= a, a >= {1, 2}, a == {4, 3, 2, 1})
print(a.union([7], (8,)), a.intersection(range(3)), a.difference([1], [2]), a.symmetric_difference("x") == a | {"x"})
c = set(a)
c |= {10}
c &= {1, 2, 10}
c -= {2}
c ^= {1, 11}
c.add(5)
c.discard(99)
print(sorted(c), len(c), 5 in c)
try:
    c.remove(99)
except KeyError as error:
    print("KeyError", error)
f = frozenset("abc")
print(
    sorted(f),
    hash(f) == hash(frozenset("cba")),
    {f: 1}[frozenset("bca")],
    f | {"d"} == frozenset("abcd"),
    type(f & {"a"}).__name__,
)
try:
    {[1]}
except TypeError as error:
    print(type(error).__name__)
print(
    {frozenset({1, 2}), frozenset({2, 1})} == {frozenset({1, 2})},
    {1, 1.0, True},
    set("hello") == set("ohel"),
    len({(), frozenset(), ""}),
    set() == frozenset(),
)


def unique(items):
    seen = set()
    return [x for x in items if not (x in seen or seen.add(x))]


def subsets(items):
    items = list(items)
    return sorted(sorted(x for i, x in enumerate(items) if mask >> i & 1) for mask in range(2 ** len(items)))


def jaccard(x, y):
    x, y = set(x.split()), set(y.split())
    return len(x & y) / len(x | y)


print(unique([3, 1, 3, 2, 1]), subsets({1, 2, 3}), f"{jaccard('the cat sat', 'the cat ran off'):.3f}")
students = {"math": {"ann", "bob", "cy"}, "art": {"bob", "dee"}, "pe": {"ann", "bob"}}
print(sorted(set.intersection(*students.values())), sorted(set().union(*students.values())))
print({name: sorted(s for s in students if name in students[s]) for name in sorted(set.union(*students.values()))})
try:
    for item in a:
        a.add(item + 100)
except RuntimeError as error:
    print(error)
s = {5}
print(s.pop(), s, bool(s), s.copy() is s)
