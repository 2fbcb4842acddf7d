"""Slices of every kind and star-unpacking in assignments, calls and displays."""

s = list(range(10))
print(s[2:5], s[:3], s[-3:], s[::3], s[::-1], s[7:2:-2], s[20:], s[-100:2], s[5:5], s[:-1][-1])
s[2:4] = ["a", "b", "c"]
s[:0] = [-1]
print(s)
s[::4] = "xyz"
del s[1:3]
s[-1:] = []
print(
    s, slice(1, None, 2).indices(6), "abcdef"[slice(-3, None)], (1, 2, 3)[1:], range(0, 20, 3)[2:5], range(10)[::-1][0]
)
try:
    s[::2] = [1]
except ValueError as error:
    print(type(error).__name__)
first, *middle, last = "abcdef"
(a, b), [c, *d] = (1, 2), [3, 4, 5]
*start, end = [1]
head, (left, *_), tail = 1, "xyz", 3
print(first, middle, last, a, b, c, d, start, end, head, left, tail)
a, b = b, a
x = y = []
x.append(1)
print(a, b, y, [*range(3), *"ab"], {**{"k": 1}, "j": 2, **{"k": 3}}, (*"xy", 1), {*[1, 1, 2]})


def show(a, /, b, *rest, key=None, **others):
    return f"{a} {b} {rest} {key} {sorted(others.items())}"


print(show(1, 2), show(1, b=2, key=3), show(*[1, 2, 3], *(4,), **{"key": 5, "z": 6}), show(1, 2, a=3), sep="\n")
for call in (
    lambda: show(),
    lambda: show(a=1, b=2),
    lambda: (lambda *, k: k)(1),
    lambda: show(1, **{"b": 1}, **{"b": 2}),
):
    try:
        call()
    except TypeError as error:
        print(type(error).__name__, end=" ")
for unpack in ("ab", "abcd"):
    try:
        p, q, r = unpack
    except ValueError as error:
        print(type(error).__name__, end=" ")
print()
for i, (name, (low, *high)) in enumerate([("a", (1, 2, 3)), ("b", (4,))], start=1):
    print(i, name, low, high)


class Grid:
    def __getitem__(self, key):
        return key


print(
    Grid()[1:2, ..., ::3],
    Grid()[None],
    Grid()[1, 2],
    [list(pair) for pair in zip(*[iter(range(6))] * 2)],
    [*zip(*[(1, "a"), (2, "b")])],
)
