"""unicodedata: names, categories, normal forms, widths and stripped accents."""

import unicodedata as ud

for char in "Aé½٣€漢 あ":
    print(f"U+{ord(char):04X} {ud.category(char)} {ud.bidirectional(char):<3}", end=" ")
    print(f"{ud.east_asian_width(char):<2} {ud.name(char)}")
print(
    ud.lookup("GREEK SMALL LETTER OMEGA"),
    "\N{SNOWMAN}",
    ud.numeric("½"),
    ud.digit("٣"),
    ud.decimal("7"),
    ud.name("\x00", "control"),
)
composed, decomposed = "é", "e\u0301"
print(
    composed == decomposed,
    ud.normalize("NFC", decomposed) == composed,
    len(ud.normalize("NFD", "Ångström")),
    ud.is_normalized("NFC", decomposed),
)
print(ud.normalize("NFKC", "ﬁ①²㎏ｈｉ"), ud.decomposition("ﬁ"), ud.combining("\u0301"), ud.mirrored("("))


def strip_accents(text):
    return "".join(c for c in ud.normalize("NFD", text) if not ud.combining(c))


def slug(text):
    words = "".join(c if c.isalnum() else " " for c in strip_accents(text).lower()).split()
    return "-".join(words)


def width(text):
    return sum(0 if ud.combining(c) else 2 if ud.east_asian_width(c) in "WF" else 1 for c in text)


print(
    strip_accents("Crème Brûlée, Señor Łukasz"),
    slug("  Ünïcode: É à la Carte! "),
    [width(t) for t in ("abc", "日本", "e\u0301")],
)
for name in ("Zürich", "東京", "Rio"):
    print(f"|{name}{' ' * (10 - width(name))}|")
print(sorted(["zebra", "Äpfel", "apple", "Éclair"], key=lambda w: strip_accents(w).casefold()))
print(
    "😀".encode().hex(),
    len("👨‍👩‍👧"),
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "a\u200bb".isprintable(),
    repr("\u200b\x7f\xa0é"),
)
try:
    ud.lookup("NO SUCH NAME")
except KeyError as error:
    print(type(error).__name__)
