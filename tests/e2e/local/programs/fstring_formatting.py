"""f-strings and format specifications: numbers, alignment, nesting, dates and objects."""

import datetime
import math
from decimal import Decimal

name, value, width, precision = "tiny", 1234.56789, 12, 3
print(f"{name!r:>10}|{name:^10}|{name:*<8}|{name.upper():.2}")
print(f"{value:.2f} {value:,.1f} {value:e} {value:.3g} {value:{width}.{precision}f} {value:+010.1f} {-value:_.0f}")
print(f"{255:x} {255:#X} {255:08b} {255:o} {255:c} {10**9:,} {10**9:_} {0xDEADBEEF:_x} {-5:=+6d} {42:^8}")
print(f"{0.256:.1%} {1e-7} {1e16} {1e22} {0.1 + 0.2} {5e-324} {float('inf')} {float('nan')} {-0.0}")
print(f"{value=:.1f} {name=} {width + precision = } {{braces}} {'nested ' + f'{name}'}")
print(f"{datetime.date(2024, 2, 29):%A %d %B %Y} {datetime.time(7, 5):%H:%M} {Decimal('1.10'):.3f} {3 + 4j:.1f}")
print(f"{'é' * 3:>5}|{'日本':<4}|{True:d}|{None!s:>6}|{[1, 2]!s:<8}|{math.pi:.10}")


class Money:
    def __init__(self, amount):
        self.amount = amount

    def __format__(self, spec):
        sign, _, places = spec.partition(".")
        return f"{sign or '$'}{self.amount:,.{places or 2}f}"


print(f"{Money(1234.5)} {Money(99):€} {Money(0.12345):.4}", format(Money(5), "EUR "))
print("{0} {1} {0} {key[b]} {obj.amount}".format("a", "b", key={"b": 7}, obj=Money(3)))
print("%05.1f|%-6s|%+d|%x|%%|%r" % (3.14159, "ab", 7, 255, "q"))
print("{:>{w}}".format("right", w=10), "{:{fill}^{w}}".format("mid", fill="~", w=9), "%(a)s-%(b)03d" % {"a": 1, "b": 2})
for row in [("apple", 3, 0.5), ("kiwi", 12, 10.25)]:
    print("{:<8}{:>4d}{:>8.2f}".format(*row))
print(round(2.5), round(3.5), round(-2.675, 2), round(12345, -2), f"{2.5:.0f} {0.125:.2f} {1.005:.2f}")
for spec in ("z", "d", ".2q"):
    try:
        print(format("text", spec))
    except ValueError:
        print("bad spec", spec)
