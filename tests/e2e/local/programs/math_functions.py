"""The math module: combinatorics, number theory, floats and geometry."""

import math

print(
    math.factorial(20),
    math.comb(52, 5),
    math.perm(10, 3),
    math.gcd(84, 126, 210),
    math.lcm(4, 6, 10),
    math.isqrt(10**30 + 1),
)
print(
    math.floor(-2.5),
    math.ceil(-2.5),
    math.trunc(-2.5),
    math.fmod(-7, 3),
    -7 % 3,
    math.modf(3.75),
    math.frexp(10),
    math.ldexp(0.625, 4),
)
print(math.sqrt(2), round(math.cbrt(27), 9), math.hypot(3, 4, 12), math.dist((0, 0), (1, 1)), math.prod([1.5, 2, 4]))
print(
    math.exp(1) == math.e,
    math.log(100, 10),
    math.log2(1024),
    math.log10(0.001),
    math.log1p(1e-10),
    math.expm1(1e-10),
    math.exp2(0.5),
)
for angle in (0, 30, 45, 60, 90, 180):
    x = math.radians(angle)
    print(f"{angle:>4} {math.sin(x):>9.6f} {math.cos(x):>9.6f} {math.tan(x) if angle != 90 else math.inf:>9.6f}")
print(f"{math.degrees(math.atan2(-1, -1)):.3f} {math.asin(1):.12f} {math.acosh(2):.12f} {math.tanh(0.5):.12f}")
print(f"{math.erf(0.5):.12f} {math.gamma(4.5):.10f} {math.lgamma(100):.8f}")
print(
    math.fsum([0.1] * 10) == 1, math.isclose(0.1 + 0.2, 0.3), math.isclose(1e-9, 0), math.isclose(1e-9, 0, abs_tol=1e-8)
)
print(
    math.isnan(math.nan),
    math.isinf(-math.inf),
    math.isfinite(1e308 * 10),
    math.copysign(3, -0.0),
    math.nextafter(1, 2),
    math.ulp(1.0),
)
print(
    (0.1).hex(),
    float.fromhex("0x1.8p+1"),
    (0.75).as_integer_ratio(),
    (2.0).is_integer(),
    1e308 * 10,
    2**0.5,
    7 // 2,
    -7 // 2,
    divmod(-7, 2),
)
print(
    round(0.5),
    round(1.5),
    round(2.675, 2),
    round(1e15 + 0.3, 1),
    0.1 + 0.7,
    3 * 1.1,
    1 / 3,
    2 / 3,
    1e23,
    123456789012345678.0,
)
print(
    pow(3, -1, 7),
    pow(2, 100, 1009),
    (-8) ** (1 / 3),
    abs(-3 + 4j),
    int(-3.99),
    int("0x1f", 16),
    float(" 2.5e-3 "),
    math.pi,
    math.tau,
)
for wrong in (
    lambda: math.sqrt(-1),
    lambda: math.log(0),
    lambda: math.exp(1000),
    lambda: math.factorial(-1),
    lambda: 2.0**5000,
):
    try:
        wrong()
    except (ValueError, OverflowError) as error:
        print(type(error).__name__, end=" ")
print()
