"""A tokenizer made of one regular expression, with positions and errors."""

import re
from typing import Iterator, NamedTuple


class Token(NamedTuple):
    kind: str
    value: object
    line: int
    column: int


SPEC = [
    ("NUMBER", r"\d+(?:\.\d*)?"),
    ("STRING", r'"(?:\\.|[^"\\])*"'),
    ("NAME", r"[A-Za-z_]\w*"),
    ("OP", r"==|!=|<=|>=|:=|[-+*/<>=()]"),
    ("END", r";"),
    ("NEWLINE", r"\n"),
    ("SKIP", r"[ \t]+|#.*"),
    ("MISMATCH", r"."),
]
KEYWORDS = {"if", "then", "end", "print"}
MASTER = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in SPEC))


def tokenize(source: str) -> Iterator[Token]:
    line, start = 1, 0
    for match in MASTER.finditer(source):
        kind, value = match.lastgroup, match.group()
        column = match.start() - start + 1
        if kind == "NEWLINE":
            line, start = line + 1, match.end()
            continue
        if kind == "SKIP":
            continue
        if kind == "MISMATCH":
            raise SyntaxError(f"{value!r} unexpected on line {line}, column {column}")
        if kind == "NUMBER":
            value = float(value) if "." in value else int(value)
        elif kind == "STRING":
            value = value[1:-1].replace('\\"', '"')
        elif kind == "NAME" and value in KEYWORDS:
            kind = value.upper()
        yield Token(kind, value, line, column)


SOURCE = """if x >= 10 then  # compare
    total := total + 3.50 * (y - 2);
    print "he said \\"hi\\"";
end"""
for token in tokenize(SOURCE):
    print(f"{token.line:>2}:{token.column:<3}{token.kind:<8}{token.value!r}")
try:
    list(tokenize("a = 3 ?"))
except SyntaxError as error:
    print(error)
