"""base64 and its relatives, there and back."""

import base64

data = bytes(range(0, 256, 5)) + "✓ done".encode()
for name, encode, decode in [
    ("b64", base64.b64encode, base64.b64decode),
    ("url", base64.urlsafe_b64encode, base64.urlsafe_b64decode),
    ("b32", base64.b32encode, base64.b32decode),
    ("b16", base64.b16encode, base64.b16decode),
    ("b85", base64.b85encode, base64.b85decode),
    ("a85", base64.a85encode, base64.a85decode),
]:
    encoded = encode(data)
    print(f"{name} {len(encoded):>4} {encoded[:30].decode()} {decode(encoded) == data}")
print(
    base64.b64encode(b"any carnal pleas").decode(),
    base64.b64decode("YWJj"),
    base64.b64encode(b"\xfb\xff", altchars=b"-_"),
)
print(base64.encodebytes(b"x" * 60), base64.decodebytes(b"YWJj\nZGVm\n"), base64.b32decode("mzxw6===", casefold=True))
for bad in ("YWJ", "YW=J", "é"):
    try:
        print(base64.b64decode(bad, validate=True))
    except ValueError as error:
        print(type(error).__name__)


def to_base(number, digits):
    text = ""
    while number:
        number, rest = divmod(number, len(digits))
        text = digits[rest] + text
    return text or digits[0]


def from_base(text, digits):
    number = 0
    for char in text:
        number = number * len(digits) + digits.index(char)
    return number


ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
code = to_base(2**64 - 1, ALPHABET)
print(code, from_base(code, ALPHABET) == 2**64 - 1, to_base(255, "01"), to_base(0, "01"), int("zz", 36))
