"""collections.namedtuple and typing.NamedTuple: defaults, methods, replacing and unpacking."""

from collections import namedtuple
from typing import NamedTuple

Point = namedtuple("Point", "x y")
Person = namedtuple("Person", ["name", "age", "city"], defaults=["unknown"])
Renamed = namedtuple("Renamed", "class ok def", rename=True)


class Stock(NamedTuple):
    """A line of a portfolio."""

    symbol: str
    shares: int
    price: float = 1.0

    @property
    def cost(self) -> float:
        return self.shares * self.price

    def __str__(self) -> str:
        return f"{self.symbol} x{self.shares}"


p = Point(3, y=4)
print(p, p.x + p[1], *p, p._asdict(), p._replace(x=10), p == (3, 4))
print(Person("Eve", 30), Person._field_defaults, Person._make(["Al", 5, "Rome"]).city)
print(Renamed._fields, Stock.__doc__)
portfolio = [Stock("ABC", 10, 12.5), Stock("XYZ", 3, 99.0), Stock("NEW", 100)]
for stock in sorted(portfolio, key=lambda s: s.cost, reverse=True):
    print(f"{stock!s:<12}{stock.cost:>8.2f}", stock)
x, y = p
symbol, *rest = portfolio[0]
print(x, y, symbol, rest, hash(p) == hash((3, 4)), Stock.__annotations__["shares"].__name__)
try:
    p.x = 1
except AttributeError as error:
    print(type(error).__name__)
try:
    Point(1)
except TypeError as error:
    print(type(error).__name__)
