"""cache, partial, singledispatch, total_ordering, reduce, cached_property and cmp_to_key."""

import functools
import operator


@functools.lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@functools.singledispatch
def render(value):
    return f"object {value!r}"


@render.register
def _(value: int):
    return f"int {value:+d}"


@render.register(list)
@render.register(tuple)
def _(value):
    return "[" + ", ".join(render(item) for item in value) + "]"


@functools.total_ordering
class Version:
    def __init__(self, text):
        self.parts = tuple(int(part) for part in text.split("."))

    def __eq__(self, other):
        return self.parts == other.parts

    def __lt__(self, other):
        return self.parts < other.parts

    def __repr__(self):
        return "v" + ".".join(map(str, self.parts))

    @functools.cached_property
    def major(self):
        print("computed")
        return self.parts[0]


class Cell:
    def __init__(self):
        self.alive = False

    @functools.singledispatchmethod
    def feed(self, what):
        return "nothing"

    @feed.register
    def _(self, what: str):
        return "text " + what

    def set_state(self, state):
        self.alive = state

    revive = functools.partialmethod(set_state, True)


print(fib(90), fib.cache_info())
print(render(5), render("x"), render([1, (2, "y")]), render.dispatch(bool).__name__)
print(
    max(Version("1.9"), Version("1.10")), Version("2.0") >= Version("2"), sorted(map(Version, ["3.1", "2.7.1", "2.7"]))
)
v = Version("4.2")
print(v.major, v.major)
cell = Cell()
cell.revive()
print(cell.alive, cell.feed("a"), cell.feed(1))
print(functools.reduce(operator.mul, range(1, 21)), functools.reduce(lambda a, b: b + a, "abc", ""))
print(functools.partial(int, base=2)("101101"), functools.partial(print, "p", sep="|").keywords)
print(sorted([3, 11, 2, 111], key=functools.cmp_to_key(lambda a, b: (str(a) > str(b)) - (str(a) < str(b)))))
