"""numbers: where Python's number types stand, and a number type of its own."""

import numbers
from decimal import Decimal
from fractions import Fraction

LADDER = [numbers.Number, numbers.Complex, numbers.Real, numbers.Rational, numbers.Integral]
for value in (True, 5, Fraction(1, 2), 2.5, 1j, Decimal("1.5"), "7"):
    print(f"{type(value).__name__:<9}", [kind.__name__ for kind in LADDER if isinstance(value, kind)])


class Modular:
    def __init__(self, value, modulus=13):
        self.value, self.modulus = value % modulus, modulus

    def _other(self, other):
        if isinstance(other, Modular):
            if other.modulus != self.modulus:
                raise ValueError("different moduli")
            return other.value
        return other if isinstance(other, numbers.Integral) else None

    def __add__(self, other):
        number = self._other(other)
        return NotImplemented if number is None else Modular(self.value + number, self.modulus)

    __radd__ = __add__

    def __mul__(self, other):
        number = self._other(other)
        return NotImplemented if number is None else Modular(self.value * number, self.modulus)

    def __pow__(self, exponent):
        return Modular(pow(self.value, exponent, self.modulus), self.modulus)

    def __truediv__(self, other):
        return self * pow(self._other(other), -1, self.modulus)

    def __eq__(self, other):
        return self._other(other) == self.value

    def __repr__(self):
        return f"{self.value} (mod {self.modulus})"


a = Modular(9)
print(a + 7, 7 + a, a * a, a**-1, a / 4, sum([a, a], Modular(0)), a == 9, a != 4)
for wrong in (lambda: a + "x", lambda: a + Modular(1, 7), lambda: Modular(4, 8) ** -1):
    try:
        wrong()
    except (TypeError, ValueError) as error:
        print(type(error).__name__)
print(
    1 + True,
    2 + 0.5,
    1 + Fraction(1, 3),
    0.5 + Fraction(1, 4),
    1 + 2j,
    type(2**-1).__name__,
    int(True),
    10**20 // 3,
    -7 % 5,
    7.5 % -2,
)
print(
    1 == 1.0 == Fraction(1) == Decimal(1) == 1 + 0j,
    hash(1) == hash(1.0),
    10**18 + 1 == float(10**18 + 1),
    0.1 == Fraction(1, 10),
    (5).real,
    (3.7).__trunc__(),
)
