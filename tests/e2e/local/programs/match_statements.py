"""Structural pattern matching with every kind of pattern."""

from dataclasses import dataclass
from enum import Enum


class Color(Enum):
    RED = 0
    BLUE = 1


@dataclass
class Point:
    x: float
    y: float


@dataclass
class Line:
    start: Point
    end: Point


class Pair:
    __match_args__ = ("left", "right")

    def __init__(self, left, right):
        self.left, self.right = left, right


def describe(value):
    match value:
        case None:
            return "nothing"
        case True | False as flag:
            return f"bool {flag}"
        case 0 | 1:
            return "small"
        case int(n) if n < 0:
            return f"negative {n}"
        case int() | float() as number:
            return f"number {number}"
        case "":
            return "empty text"
        case str(text):
            return f"text of {len(text)}"
        case []:
            return "empty list"
        case [x]:
            return f"one: {describe(x)}"
        case ["move", (("up" | "down") as way), *steps]:
            return f"move {way} {steps}"
        case [first, *_, last] if first == last:
            return f"loop at {first}"
        case [first, second, *rest]:
            return f"{first}, {second} and {len(rest)} more"
        case {"type": "circle", "r": float(r) | int(r)}:
            return f"circle {r}"
        case {"type": kind, **others}:
            return f"{kind} with {sorted(others)}"
        case Point(x=0, y=0):
            return "origin"
        case Point(x, y) if x == y:
            return f"diagonal {x}"
        case Line(Point(0, y0), Point(x1, _)):
            return f"line from y={y0} to x={x1}"
        case Pair(left, Pair(a, b)):
            return f"nested {left} {a} {b}"
        case Color.RED:
            return "red"
        case bytes() | bytearray():
            return "binary"
        case _:
            return f"other {type(value).__name__}"


samples = [None, True, 1, -5, 2.5, "", "hello", [], [[7]], ["move", "up", 1, 2], [3, 4, 3], (1, 2, 3, 4)]
samples += [{"type": "circle", "r": 2}, {"type": "box", "w": 1, "h": 2}, {}, Point(0, 0), Point(2, 2), Point(1, 2)]
samples += [Line(Point(0, 5), Point(6, 1)), Pair(1, Pair(2, 3)), Color.RED, Color.BLUE, b"x", {1}]
for sample in samples:
    print(describe(sample))
