"""Primes: sieve, Miller-Rabin, factors, totients, twins and Goldbach pairs."""

import math
from collections import Counter
from itertools import count, islice, takewhile


def sieve(limit):
    flags = bytearray([1]) * (limit + 1)
    flags[:2] = b"\0\0"
    for n in range(2, math.isqrt(limit) + 1):
        if flags[n]:
            flags[n * n :: n] = bytes(len(range(n * n, limit + 1, n)))
    return [n for n, flag in enumerate(flags) if flag]


def endless():
    composites = {}
    for n in count(2):
        if n not in composites:
            yield n
            composites[n * n] = [n]
        else:
            for p in composites.pop(n):
                composites.setdefault(n + p, []).append(p)


def is_prime(n):
    if n < 2 or any(n % p == 0 for p in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)):
        return n in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
    d, s = n - 1, 0
    while d % 2 == 0:
        d, s = d // 2, s + 1
    for a in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        x = pow(a, d, n)
        if x not in (1, n - 1) and all((x := x * x % n) != n - 1 for _ in range(s - 1)):
            return False
    return True


def factors(n):
    found, p = Counter(), 2
    while p * p <= n:
        while n % p == 0:
            found[p] += 1
            n //= p
        p += 1 + (p > 2)
    if n > 1:
        found[n] += 1
    return dict(found)


primes = sieve(200_000)
print(
    len(primes),
    primes[-3:],
    sum(primes[:100]),
    list(islice(endless(), 12)),
    max(takewhile(lambda p: p < 1000, endless())),
)
print(
    [n for n in (2**31 - 1, 2**61 - 1, 2**67 - 1, 10**18 + 9, 3215031751) if is_prime(n)],
    factors(600851475143),
    factors(2**32 + 1),
    factors(360),
)
print(
    [(p, q) for p, q in zip(primes, primes[1:]) if q - p == 2][:5],
    next((p, 1000 - p) for p in primes if 1000 - p in primes),
)
print(
    [math.prod(p ** (k - 1) * (p - 1) for p, k in factors(n).items()) for n in range(1, 16)],
    [n for n in range(2, 500) if sum(d for d in range(1, n) if n % d == 0) == n],
)
