"""Text for people: made harmless, cut to size, and said shortly."""

from __future__ import annotations

import pprint
import re
from typing import Any, Optional

#: Characters of one output, value, traceback or answer that are shown.
MAX_SHOWN = 8_000
#: Characters of the model's own words that are shown for a step.
MAX_WORDS = 1_200

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_REWRITTEN = re.compile(r"^.*\r(?=[^\r\n])", re.MULTILINE)
_THINKING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_FENCED = re.compile(r"^[ \t]*(```+|~~~+).*?(?:^[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_TAGGED = re.compile(r"<code>.*?(?:</code>|\Z)", re.DOTALL)


def printable(text: str) -> str:
    """Text as a terminal would leave it: without colours and controls, rewritten lines once.

    What the code printed is nobody's to trust: an escape sequence could rename the terminal or
    hide what was written before.
    """
    text = _ESCAPES.sub("", text).replace("\r\n", "\n")
    if "\r" in text:
        text = _REWRITTEN.sub("", text)
    return _CONTROLS.sub("\ufffd", text.replace("\r", ""))


def clip(text: str, limit: int = MAX_SHOWN) -> str:
    """Cuts the middle out of a long text, at line ends where they are near, and says so."""
    if len(text) <= limit:
        return text
    half = limit // 2
    head, tail = text[:half], text[-half:]
    nearby = half // 4
    end = head.rfind("\n", half - nearby)
    start = tail.find("\n", 0, nearby)
    head = head[: end + 1] if end >= 0 else head + "\n"
    tail = tail[start + 1 :] if start >= 0 else tail
    left_out = len(text) - len(head) - len(tail)
    return f"{head}… {left_out:,} characters left out …\n{tail}"


def shorten(text: str, limit: int) -> str:
    """The text on one line, its end cut where it is long."""
    text = " ".join(text[: limit * 4].split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def words_of(reply: str, code: Optional[str] = None) -> str:
    """What the model said beside its code: no fenced blocks and no hidden thoughts."""
    if code and reply.strip() == code.strip():
        return ""
    rest = _TAGGED.sub("", _FENCED.sub("", _THINKING.sub("", reply)))
    return clip(re.sub(r"\n{3,}", "\n\n", printable(rest)).strip(), MAX_WORDS)


def partial_code(reply: str) -> str:
    """The code in a reply that is still being written, as far as it has come."""
    text = _THINKING.sub("", reply)
    opening = re.search(r"^[ \t]*(?:```|~~~)[^\n]*\n|<code>", text, re.MULTILINE)
    if opening is None:
        return ""
    return re.split(r"^[ \t]*(?:```|~~~)|</code>", text[opening.end() :], maxsplit=1, flags=re.M)[0]


def show_value(value: Any) -> str:
    """An answer for people: text as it is, anything else as Python writes it."""
    text = value if isinstance(value, str) else pprint.pformat(value, width=88, sort_dicts=False)
    return clip(printable(text))


def duration(seconds: float) -> str:
    """`0.42 s`, `4.2 s`, `2 min 5 s`."""
    if seconds < 0.995:
        return f"{max(seconds, 0.0):.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds + 0.5), 60)
    return f"{minutes} min {rest} s"


def plural(number: int, noun: str) -> str:
    """`1 step`, `1,234 tokens`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
