"""Iterators by hand: __iter__, __next__, sequences, iter with a sentinel, reversed, laziness."""

import itertools


class Countdown:
    def __init__(self, start):
        self.start = start

    def __iter__(self):
        return CountdownIterator(self.start)

    def __reversed__(self):
        return iter(range(1, self.start + 1))

    def __length_hint__(self):
        return self.start


class CountdownIterator:
    def __init__(self, current):
        self.current = current

    def __iter__(self):
        return self

    def __next__(self):
        if self.current <= 0:
            raise StopIteration
        self.current -= 1
        return self.current + 1


class OldStyle:
    def __getitem__(self, index):
        if index >= 4:
            raise IndexError(index)
        return index * 11


class Peekable:
    END = object()

    def __init__(self, items):
        self._items, self._next = iter(items), self.END

    def __iter__(self):
        return self

    def peek(self, default=None):
        if self._next is self.END:
            self._next = next(self._items, self.END)
        return default if self._next is self.END else self._next

    def __next__(self):
        value, self._next = self.peek(self.END), self.END
        if value is self.END:
            raise StopIteration
        return value


c = Countdown(4)
print(list(c), list(c), list(reversed(c)), max(c), 3 in c, dict(zip(c, "abcd")), [*c], sum(Countdown(100)))
print(list(OldStyle()), 22 in OldStyle(), list(zip(OldStyle(), c)), "-".join(map(str, c)))
rolls = iter([3, 5, 6, 2])
print(list(iter(lambda: next(rolls), 6)), next(rolls), next(rolls, "empty"))
p, runs = Peekable("aaabccd"), []
for char in p:
    size = 1
    while p.peek() == char:
        size += next(p) == char
    runs.append(f"{char}{size}")
print(runs, p.peek("nothing"))
it = iter([1, 2, 3])
print(
    iter(it) is it,
    next(it),
    list(it),
    list(it),
    sorted(enumerate("ba", 1), key=lambda x: x[1]),
    all([]),
    any([]),
    min([], default="none"),
)
lazy = map(lambda x: print("called", x) or x * 2, itertools.count())
print(next(lazy), next(lazy))
try:
    iter(5)
except TypeError as error:
    print(type(error).__name__)


def stops():
    yield 1
    raise StopIteration


try:
    list(stops())
except RuntimeError as error:
    print("RuntimeError from", type(error.__cause__).__name__)
