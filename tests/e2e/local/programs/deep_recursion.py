"""Recursion some hundreds of calls deep, and how it ends where it does not."""

from functools import cache, reduce


def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)


def ackermann(m, n):
    if m == 0:
        return n + 1
    return ackermann(m - 1, 1) if n == 0 else ackermann(m - 1, ackermann(m, n - 1))


def is_even(n):
    return n == 0 or is_odd(n - 1)


def is_odd(n):
    return n != 0 and is_even(n - 1)


@cache
def collatz(n):
    return 1 if n == 1 else 1 + collatz(n // 2 if n % 2 == 0 else 3 * n + 1)


class Node:
    def __init__(self, value, rest=None):
        self.value, self.rest = value, rest

    def __len__(self):
        return 1 + (len(self.rest) if self.rest is not None else 0)

    def __iter__(self):
        yield self.value
        if self.rest is not None:
            yield from self.rest


def endless(n=0):
    return endless(n + 1)


print(depth(900), ackermann(2, 20), is_even(800), max(range(1, 3000), key=collatz))
chain = reduce(lambda rest, value: Node(value, rest), range(300), None)
print(len(chain), sum(chain), next(iter(chain)))
for _ in range(3):
    try:
        endless()
    except RecursionError as error:
        print(type(error).__name__, "depth" in str(error))
print(depth(900), (lambda f, n: f(f, n))(lambda f, n: n and 1 + f(f, n - 1), 800))
nested = []
for _ in range(400):
    nested = [nested]
print(len(repr(nested)), nested == nested[:], str({"a": nested}).count("["))


class Loop:
    def __getattr__(self, name):
        return getattr(self, name)

    def __repr__(self):
        return repr(self)


for wrong in (lambda: Loop().missing, lambda: repr(Loop())):
    try:
        wrong()
    except RecursionError:
        print("endless, but stopped")
