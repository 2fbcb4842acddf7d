"""Integers of hundreds of digits: factorials, powers, roots, RSA and digit sums."""

import math


def isqrt_newton(n):
    x = 1 << (n.bit_length() + 1) // 2
    while (y := (x + n // x) // 2) < x:
        x = y
    return x


def extended_gcd(a, b):
    if not b:
        return a, 1, 0
    g, x, y = extended_gcd(b, a % b)
    return g, y, x - a // b * y


def pi_digits(digits):
    """Machin's formula in integers."""
    unit = 10 ** (digits + 10)

    def arctan_inverse(x):
        total = term = unit // x
        n, sign = 3, -1
        while term:
            term //= x * x
            total += sign * (term // n)
            n, sign = n + 2, -sign
        return total

    return 4 * (4 * arctan_inverse(5) - arctan_inverse(239)) // 10**10


print(math.factorial(60), sum(map(int, str(2**1000))), len(str(3**2000)), 2**200 % 10**9)
print(isqrt_newton(2 * 10**100), math.isqrt(2 * 10**100) == isqrt_newton(2 * 10**100))
print(str(pi_digits(200)))
p, q, e = 2**89 - 1, 2**107 - 1, 65537
d = extended_gcd(e, (p - 1) * (q - 1))[1] % ((p - 1) * (q - 1))
message = int.from_bytes(b"attack at dawn", "big")
secret = pow(message, e, p * q)
print(hex(secret), pow(secret, d, p * q).to_bytes(14, "big"), d == pow(e, -1, (p - 1) * (q - 1)))
a, b = 0, 1
while len(str(b)) < 150:
    a, b = b, a + b
print(
    b, math.gcd(a, b), b % 1_000_007, b >> 400, (-b) // 10**140, -b % 97, b ^ (b >> 1) & 0xFFFF, (b & -b).bit_length()
)
print(
    int("123456789" * 20, 16) % 1000,
    f"{2**70:,}",
    f"{10**30:e}",
    float(10**300),
    10**25 == 1e25,
    int(1e25),
    hash(12345),
)
print(
    len(str(math.prod(range(1, 400)))),
    (7**77).bit_length(),
    math.comb(300, 150) % 10**12,
    round(123456789123456789, -9),
    10**40 // 7**20,
    divmod(-(10**30), 7**15),
)
try:
    int("9" * 5000)
except ValueError as error:
    print("too many digits:", "4300" in str(error))
try:
    float(10**400)
except OverflowError as error:
    print(type(error).__name__)
