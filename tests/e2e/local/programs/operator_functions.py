"""The operator module: getters, callers, in-place forms and dispatch tables."""

import operator as op
from functools import reduce

people = [
    {"name": "Cy", "age": 40, "home": ("x", 3)},
    {"name": "Al", "age": 25, "home": ("y", 1)},
    {"name": "Bo", "age": 25, "home": ("a", 2)},
]
print(
    [p["name"] for p in sorted(people, key=op.itemgetter("age", "name"))],
    op.itemgetter(1, -1)("abc"),
    op.itemgetter(slice(1, 3))("abcd"),
)


class Box:
    def __init__(self, w, inner=None):
        self.w, self.inner = w, inner

    def scaled(self, factor, *, extra=0):
        return self.w * factor + extra

    def __index__(self):
        return self.w


box = Box(2, Box(5))
print(
    op.attrgetter("w", "inner.w")(box),
    op.methodcaller("scaled", 3, extra=1)(box),
    op.index(box),
    "abcdef"[box:],
    bin(box),
)
calculate = {
    "+": op.add,
    "-": op.sub,
    "*": op.mul,
    "/": op.truediv,
    "//": op.floordiv,
    "%": op.mod,
    "**": op.pow,
    "<<": op.lshift,
    "^": op.xor,
    "&": op.and_,
}
print({sign: f(7, 3) for sign, f in calculate.items()})


def rpn(expression):
    stack = []
    for token in expression.split():
        if token in calculate:
            right, left = stack.pop(), stack.pop()
            stack.append(calculate[token](left, right))
        else:
            stack.append(float(token))
    return stack.pop()


print(
    rpn("3 4 + 2 * 7 /"),
    rpn("2 3 2 ** **"),
    reduce(op.or_, [1, 2, 8]),
    list(map(op.neg, [1, -2])),
    op.not_([]),
    op.truth("x"),
)
items = [1, 2]
print(
    op.iadd(items, [3]),
    items,
    op.concat("a", "b"),
    op.contains([1], 1),
    op.countOf([1, 2, 1], 1),
    op.indexOf("abc", "c"),
    op.length_hint(iter([1, 2])),
)
op.setitem(items, 0, 9)
op.delitem(items, 1)
print(
    items,
    op.getitem({"k": "v"}, "k"),
    op.is_(None, None),
    op.matmul.__name__,
    op.inv(5),
    op.pos(-3),
    op.abs(-2),
    op.call(len, "four"),
)
