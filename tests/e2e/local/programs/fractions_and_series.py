"""Exact fractions: continued fractions, Egyptian fractions, harmonic and Bernoulli numbers."""

import math
from fractions import Fraction

print(Fraction(3, 12), Fraction("0.125"), Fraction("-7/21"), Fraction(0.1), Fraction(1.5) + Fraction(1, 3))
print(Fraction(math.pi).limit_denominator(100), Fraction(math.pi).limit_denominator(1000), float(Fraction(355, 113)))
print(
    sum(Fraction(1, n) for n in range(1, 11)),
    Fraction(7, 3) // 1,
    Fraction(7, 3) % 1,
    round(Fraction(22, 7), 3),
    math.floor(Fraction(-5, 2)),
)


def continued(value, limit=10):
    terms = []
    while len(terms) < limit:
        whole = value.numerator // value.denominator
        terms.append(whole)
        value -= whole
        if not value:
            break
        value = 1 / value
    return terms


def egyptian(value):
    parts = []
    while value:
        part = Fraction(1, math.ceil(1 / value))
        parts.append(part)
        value -= part
    return parts


def bernoulli(n):
    row = [Fraction(0)] * (n + 1)
    for m in range(n + 1):
        row[m] = Fraction(1, m + 1)
        for j in range(m, 0, -1):
            row[j - 1] = j * (row[j - 1] - row[j])
    return row[0]


def determinant(matrix):
    rows = [[Fraction(x) for x in row] for row in matrix]
    result = Fraction(1)
    for i in range(len(rows)):
        pivot = next((r for r in range(i, len(rows)) if rows[r][i]), None)
        if pivot is None:
            return Fraction(0)
        if pivot != i:
            rows[i], rows[pivot] = rows[pivot], rows[i]
            result = -result
        result *= rows[i][i]
        for r in range(i + 1, len(rows)):
            factor = rows[r][i] / rows[i][i]
            rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i])]
    return result


print(continued(Fraction(415, 93)), [str(part) for part in egyptian(Fraction(4, 13))])
print([str(bernoulli(n)) for n in (0, 1, 2, 4, 10, 20)], determinant([[0, 2, 1], [3, 4, 5], [6, 7, 9]]))
