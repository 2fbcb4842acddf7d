"""print: sep, end, file, flush; and repr, str, ascii of many things."""

import io

print(1, 2, 3, sep="")
print("a", "b", sep="\n", end="!\n")
print(*range(5), sep=", ", end=".\n", flush=True)
print()
print("", end="")
print(
    None, True, 1.0, 1e3, 1j, b"b", [1, "x"], (1,), {}, set(), {"k": [None]}, ..., NotImplemented, range(3), slice(1, 2)
)
buffer = io.StringIO()
print("to", "a", "buffer", file=buffer, sep="/")
print(repr(buffer.getvalue()))


class Both:
    def __str__(self):
        return "str"

    def __repr__(self):
        return "repr"


class Upper:
    def __init__(self):
        self.lines = []

    def write(self, text):
        self.lines.append(text.upper())


out = Upper()
print(Both(), [Both()], f"{Both()} {Both()!r}", "%s %r" % (Both(), Both()), {"k": Both()}, file=out)
print("".join(out.lines), end="")
print("tab\tquote'\"\\", repr("tab\tquote'\"\\"), ascii("é\u2028😀"), repr("é\u2028\x1b"), sep=" | ")
print("unicode: αβγ → 日本語 😀 " + "\N{BULLET}", "carriage", "ends", sep=" ")
print(
    """triple
    quoted \
joined""",
    r"raw\n",
    "concat",
    "\x41\u0042\103",
    "a" if [] else "b",
)
print(
    int,
    print,
    len.__name__,
    type(lambda: 0).__name__,
    Both.__name__,
    str(type(3)),
    [int, str],
    ValueError("x"),
    KeyError("k"),
    [KeyError("k", 1)],
)
print(
    0.1,
    1 / 3,
    1e-5,
    123456789.123456789,
    1e15,
    1e16,
    -0.0,
    float("inf"),
    5e-324,
    1.7976931348623157e308,
    2.0**53,
    100000000000000000000.0,
)
print(10**3, -7, 0x1F, 0b101, 0o17, 1_000, 3 + 0j, -1j, complex(1, -0.0), (2 - 3j) * 1j, True + True)
for bad in (lambda: print("x", sep=1), lambda: print("x", unknown=1), lambda: print("x", file=5)):
    try:
        bad()
    except (TypeError, AttributeError) as error:
        print(type(error).__name__)
print("x" * 70, "-" * 10, "=" * 3, sep="\n")
