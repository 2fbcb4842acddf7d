"""Complex numbers and cmath: roots of unity, quadratic equations and a discrete Fourier transform."""

import cmath
import math

z = 3 - 4j
print(z, z.real, z.imag, z.conjugate(), abs(z), z * 1j, z**2, 1 / (1 + 1j), complex("1-2j"), complex(2), -0j == 0)
r, phi = cmath.polar(z)
print(f"{r:.6f} {phi:.6f} {cmath.rect(2, cmath.pi / 3):.4f}")
print(f"{cmath.phase(-1):.6f} {cmath.sqrt(-9)} {cmath.exp(1j * math.pi):.3f}")


def clean(value):
    return f"{value.real + 0:.3f}{value.imag + 0:+.3f}j".replace("-0.000", "0.000")


def quadratic(a, b, c):
    root = cmath.sqrt(b * b - 4 * a * c)
    return (-b + root) / (2 * a), (-b - root) / (2 * a)


print([tuple(map(clean, quadratic(*abc))) for abc in [(1, -3, 2), (1, 2, 5), (2, 4, 2)]])
print([f"{cmath.exp(2j * cmath.pi * k / 5):.4f}" for k in range(1, 5)])


def fft(values):
    n = len(values)
    if n == 1:
        return list(values)
    even, odd = fft(values[::2]), fft(values[1::2])
    turned = [cmath.exp(-2j * cmath.pi * k / n) * odd[k] for k in range(n // 2)]
    return [e + t for e, t in zip(even, turned)] + [e - t for e, t in zip(even, turned)]


signal = [math.sin(2 * math.pi * 2 * n / 16) + 0.5 * math.cos(2 * math.pi * 5 * n / 16) for n in range(16)]
print([round(abs(x), 3) for x in fft(signal)][:9])
print([clean(x) for x in fft([1, 2, 3, 4])], cmath.isclose(cmath.log(cmath.e), 1), cmath.isinf(complex("inf+1j")))


def escapes(c, limit=30):
    z = 0
    for n in range(limit):
        z = z * z + c
        if abs(z) > 2:
            return n
    return limit


for y in range(-5, 6):
    print("".join(" .:-=+*#%@"[min(escapes(complex(x / 20, y / 5)) // 3, 9)] for x in range(-40, 13)))
try:
    z < 1j
except TypeError as error:
    print(type(error).__name__)
