"""Decimals: contexts, rounding, quantize, signals and money without surprises."""

from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    getcontext,
    localcontext,
)

cent = Decimal("0.01")
print(0.1 + 0.2, Decimal("0.1") + Decimal("0.2"), Decimal(0.1), Decimal("1.10") == Decimal("1.1"))
for rounding in (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN, ROUND_CEILING):
    print(rounding, [str(Decimal(x).quantize(cent, rounding)) for x in ("2.665", "2.675", "-2.675", "1.001")])
print(Decimal(1) / Decimal(7), getcontext().prec)
with localcontext() as context:
    context.prec = 50
    print(Decimal(2).sqrt(), Decimal(1) / 7)
    print((Decimal(1).exp() * 10**10).to_integral_value(), Decimal(100).ln(), Decimal("1e100").log10())
print(Decimal(2).sqrt(Context(prec=5)), Decimal("123.4500").normalize(), Decimal("1E+3").to_eng_string(), Decimal("-0"))
print(Decimal("3.14159").as_tuple(), Decimal("-7.25").copy_abs(), divmod(Decimal("-7"), 3), Decimal("7") % -3)


def split_bill(total, people):
    share = (total / people).quantize(cent, ROUND_DOWN)
    rest = int((total - share * people) / cent)
    return [share + cent if n < rest else share for n in range(people)]


def mortgage(principal, yearly, years):
    rate = yearly / 12 / 100
    months = years * 12
    return (principal * rate / (1 - (1 + rate) ** -months)).quantize(cent, ROUND_HALF_UP)


parts = split_bill(Decimal("100.00"), 7)
print(parts[0], parts[-1], sum(parts), mortgage(Decimal(250000), Decimal("4.5"), 30))
for wrong in (lambda: Decimal("abc"), lambda: Decimal(1) / 0, lambda: Decimal(0) / 0, lambda: Decimal("1.5") + 0.5):
    try:
        wrong()
    except (InvalidOperation, DivisionByZero, TypeError) as error:
        print(type(error).__name__)
with localcontext() as context:
    context.traps[DivisionByZero] = False
    print(Decimal(1) / 0, Decimal("nan") == Decimal("nan"), Decimal("inf") > 10**1000, context.flags[Inexact])
print(
    f"{Decimal('1234567.891'):,.2f} {Decimal('0.000001234'):E} {Decimal('12.5'):>10} {sum(map(Decimal, ['0.1'] * 10))}"
)
print(int(Decimal("1e30")), float(Decimal("0.5")), hash(Decimal("2.5")) == hash(2.5), round(Decimal("2.345"), 2))
