"""Enum, IntEnum, Flag and StrEnum with methods, aliases, auto and lookups."""

from enum import Enum, Flag, IntEnum, IntFlag, StrEnum, auto, unique


class Color(Enum):
    RED = 1
    GREEN = 2
    BLUE = 3
    CRIMSON = 1


class Planet(Enum):
    EARTH = (5.97e24, 6.378e6)
    MARS = (6.42e23, 3.397e6)

    def __init__(self, mass, radius):
        self.mass, self.radius = mass, radius

    @property
    def gravity(self):
        return 6.674e-11 * self.mass / self.radius**2


class Permission(Flag):
    READ = auto()
    WRITE = auto()
    EXECUTE = auto()
    ALL = READ | WRITE | EXECUTE


class Level(IntEnum):
    LOW = 1
    HIGH = 10


class Suit(StrEnum):
    HEARTS = auto()
    SPADES = auto()


class Bits(IntFlag):
    A = 1
    B = 4


class Weekday(Enum):
    def _generate_next_value_(name, start, count, last_values):
        return name.title()

    @classmethod
    def _missing_(cls, value):
        return next((day for day in cls if day.value[:2].lower() == str(value)[:2].lower()), None)

    MONDAY = auto()
    TUESDAY = auto()


print(list(Color), Color(2), Color["BLUE"].value, Color.CRIMSON is Color.RED, Color.RED.name)
print([f"{p.name}: {p.gravity:.2f}" for p in Planet])
access = Permission.READ | Permission.EXECUTE
print(Permission.WRITE in access, Permission.READ in access, access.value, ~access == Permission.WRITE)
print(Permission.ALL ^ Permission.READ == Permission.WRITE | Permission.EXECUTE, bool(Permission(0)))
print(Level.HIGH > Level.LOW, Level.HIGH + 5, sorted(Level, reverse=True)[0].name, Level(1).name)
print(Suit.HEARTS + "!", Suit("spades") is Suit.SPADES, Bits.A | Bits.B == 5, (Bits.A | Bits.B).value)
print(Weekday("mon"), Weekday("TUE").value, list(Weekday.__members__))
for lookup in (lambda: Color(9), lambda: Color["PINK"], lambda: setattr(Color, "RED", 5)):
    try:
        lookup()
    except Exception as error:
        print(type(error).__name__)
try:
    unique(Color)
except ValueError as error:
    print(error)
