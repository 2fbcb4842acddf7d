"""The methods of str and bytes, from searching to case, padding and splitting."""

s = "  Hello, World  "
print(
    repr(s.strip()),
    repr(s.lstrip()),
    repr(s.rstrip()),
    s.strip(" Hd"),
    len(s),
    s.find("o"),
    s.rfind("o"),
    s.find("z"),
    s.count("l"),
)
print(
    "straße".upper(),
    "ǅ".title(),
    "İ".lower() == "i̇",
    "ß".casefold(),
    "hELLO wORLD".swapcase(),
    "they're bill's".title(),
    "abc".capitalize(),
)
print(
    "a,b,,c".split(","),
    "a b  c".split(),
    "a,b,c".split(",", 1),
    "a,b,c".rsplit(",", 1),
    "k=v=w".partition("="),
    "k=v=w".rpartition("="),
    "none".partition("="),
)
print(
    "line1\nline2\r\nline3\x0bline4".splitlines(),
    "a\nb\n".splitlines(keepends=True),
    "-".join(["x", "y"]),
    ",".join("abc"),
)
print(
    "abc".center(9, "*"),
    "7".zfill(3),
    "-7".zfill(4),
    "abc".ljust(5, ".") + "|",
    "abc".rjust(5) + "|",
    "a\tbc\td".expandtabs(4),
)
print(
    "file.tar.gz".removesuffix(".gz"),
    "unhappy".removeprefix("un"),
    "aXbX".replace("X", "--", 1),
    "abc".startswith(("x", "ab")),
    "abc".endswith("bc", 1),
)
checks = [
    "isalpha",
    "isdigit",
    "isdecimal",
    "isnumeric",
    "isalnum",
    "isupper",
    "islower",
    "istitle",
    "isspace",
    "isidentifier",
    "isprintable",
    "isascii",
]
for text in ["abc", "123", "²", "½", "Ab1", " \t", "A_b", "É", ""]:
    print(f"{text!r:<6}", " ".join(check[2:] for check in checks if getattr(text, check)()))
print(
    "b" in "abc",
    "abc" < "abd",
    "Z" < "a",
    max("hello"),
    sorted("banana", reverse=True),
    "ab" * 3,
    "abc"[::-1],
    ord("€"),
    chr(8364),
    ascii("é€😀"),
)
print(
    "naïve café".encode("utf-8"),
    "é".encode("latin-1"),
    "a😀".encode("utf-16-le"),
    b"\xff\xfeA\x00".decode("utf-16"),
    "é".encode("ascii", "replace"),
    "é".encode("ascii", "xmlcharrefreplace"),
)
for wrong in (
    lambda: "é".encode("ascii"),
    lambda: b"\xff".decode(),
    lambda: "abc".index("z"),
    lambda: "a" + 1,
    lambda: "abc"[5],
    lambda: "x".encode("nope"),
):
    try:
        wrong()
    except Exception as error:
        print(type(error).__name__, end=" ")
print()
print(
    b"\xe9\xff".decode("utf-8", "replace"),
    b"abc\xff".decode("ascii", "ignore"),
    b"\x00\x7f".hex(" "),
    bytes.fromhex("de ad be ef"),
    b"a,b".split(b","),
    bytes(3),
    bytes([65, 66]),
    b"abc"[1],
    b"abc".upper(),
)
