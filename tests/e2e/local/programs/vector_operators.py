"""A vector type with every operator: arithmetic, comparison, containers, calls and formatting."""

import math
from itertools import zip_longest


class Vector:
    __hash__ = None

    def __init__(self, *parts):
        self.parts = list(map(float, parts))

    def __repr__(self):
        return f"Vector({', '.join(f'{p:g}' for p in self.parts)})"

    def __format__(self, spec):
        return "<" + " ".join(format(p, spec) for p in self.parts) + ">"

    def _zip(self, other):
        return zip_longest(self.parts, other.parts, fillvalue=0.0)

    def __add__(self, other):
        return Vector(*(a + b for a, b in self._zip(other))) if isinstance(other, Vector) else NotImplemented

    def __radd__(self, other):
        return self if other == 0 else NotImplemented

    def __sub__(self, other):
        return self + -other

    def __neg__(self):
        return self * -1

    def __mul__(self, factor):
        return Vector(*(p * factor for p in self.parts)) if isinstance(factor, (int, float)) else NotImplemented

    __rmul__ = __mul__

    def __matmul__(self, other):
        return sum(a * b for a, b in self._zip(other))

    def __truediv__(self, n):
        return self * (1 / n)

    def __iadd__(self, other):
        self.parts = (self + other).parts
        return self

    def __abs__(self):
        return math.hypot(*self.parts)

    def __bool__(self):
        return any(self.parts)

    def __eq__(self, other):
        return isinstance(other, Vector) and all(a == b for a, b in self._zip(other))

    def __lt__(self, other):
        return abs(self) < abs(other)

    def __getitem__(self, key):
        return Vector(*self.parts[key]) if isinstance(key, slice) else self.parts[key]

    def __setitem__(self, key, value):
        self.parts[key] = value

    def __len__(self):
        return len(self.parts)

    def __contains__(self, value):
        return value in self.parts

    def __call__(self, function):
        return Vector(*map(function, self.parts))

    def __round__(self, digits=0):
        return self(lambda p: round(p, digits))


v, w = Vector(3, 4), Vector(1, 2, 2)
same = v
v += Vector(0, 0, 1)
v[2] = 12
print(
    v + w, v - w, 2 * w * 1.5, v @ w, abs(w), -w, w / 4, v is same, sum([v, w]), v == Vector(3, 4, 12), w < v, max(v, w)
)
print(
    v[0],
    v[1:],
    len(v),
    12 in v,
    bool(Vector(0)),
    [p for p in w],
    f"{w:.2f}",
    w(math.sqrt),
    round(w / 3, 2),
    list(reversed(w)),
    Vector(1) == Vector(1, 0),
)
for wrong in (lambda: v + 1, lambda: v * w, lambda: {v}, lambda: v[9], lambda: v > 3):
    try:
        wrong()
    except (TypeError, IndexError, AttributeError) as error:
        print(type(error).__name__, end=" ")
print()
