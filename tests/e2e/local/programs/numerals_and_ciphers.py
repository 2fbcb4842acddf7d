"""Roman numerals, numbers in words, Caesar and Vigenere ciphers, Luhn and ISBN checks."""

from itertools import cycle

ROMAN = [
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
]
SMALL = "zero one two three four five six seven eight nine ten".split()
SMALL += "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def to_roman(n):
    out = ""
    for value, letters in ROMAN:
        times, n = divmod(n, value)
        out += letters * times
    return out


def from_roman(text):
    values = [dict((letters, value) for value, letters in ROMAN)[char] for char in text]
    return sum(v if v >= following else -v for v, following in zip(values, [*values[1:], 0]))


def words(n):
    if n < 20:
        return SMALL[n]
    if n < 100:
        return TENS[n // 10 - 2] + (f"-{SMALL[n % 10]}" if n % 10 else "")
    for size, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if n >= size:
            rest = f" {words(n % size)}" if n % size else ""
            return f"{words(n // size)} {name}{rest}"


def shift(char, by):
    if not char.isascii() or not char.isalpha():
        return char
    base = ord("a") if char.islower() else ord("A")
    return chr((ord(char) - base + by) % 26 + base)


def caesar(text, by):
    return "".join(shift(char, by) for char in text)


def vigenere(text, key, sign=1):
    keys = cycle(ord(k) - 97 for k in key)
    return "".join(shift(char, sign * next(keys)) if char.isalpha() else char for char in text)


def luhn(number):
    digits = [int(d) for d in reversed(number)]
    return sum(d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits)) % 10 == 0


print([to_roman(n) for n in (4, 9, 14, 1994, 2024, 3999)], all(from_roman(to_roman(n)) == n for n in range(1, 4000)))
print([words(n) for n in (0, 13, 21, 90, 105, 1999, 1_000_001, 2_345_678_901)])
secret = vigenere("Attack at dawn!", "lemon")
print(caesar("Hello, Wörld xyz", 3), caesar(caesar("abc", 5), -5), secret, vigenere(secret, "lemon", -1))
print(
    luhn("4539578763621486"),
    luhn("8273123273520569"),
    sum(int(d) * (1, 3)[i % 2] for i, d in enumerate("9780306406157")) % 10 == 0,
)
