"""Lets the harmless part of foreign HTML through: tables and text, nothing that acts or loads.

Everything is written anew, so that nothing of the original's syntax survives: what is misread becomes
text, never markup. Takes time in proportion to what it is given, which the standard library's parser does
not: 100 kB of `<a ` keep that one busy for a minute.
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import List

from ._plain import printable

_ALLOWED = frozenset(
    (
        *("table", "thead", "tbody", "tfoot", "tr", "th", "td", "caption", "colgroup"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "p", "div", "blockquote", "pre", "hr", "br"),
        *("ul", "ol", "li", "dl", "dt", "dd"),
        *("span", "b", "strong", "i", "em", "u", "s", "sub", "sup", "small", "code", "kbd"),
    )
)
_VOID = frozenset(("br", "hr"))
#: Elements whose content is not text for people either.
_SILENT = frozenset(
    (
        *("head", "title", "script", "style", "noscript", "template", "svg", "math", "object", "iframe"),
        *("textarea", "select", "noembed", "noframes", "xmp"),
    )
)
_MAX_DEPTH = 64

# No part of a match runs past the next angle bracket, so that failed ones cost little.
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})(?![a-zA-Z0-9])([^<>]*)>")
_DECLARATION = re.compile(r"<[!?][^<>]*>")
_SPAN = re.compile(r"\b(colspan|rowspan)=[\"']?([0-9]{1,3})(?![0-9])", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def sanitize(html: str) -> str:
    """The HTML with a short list of elements, no attributes but spans, and all elements closed."""
    out: List[str] = []
    opened: List[str] = []
    at = 0
    while at < len(html):
        bracket = html.find("<", at)
        if bracket != at:
            out.append(_text(html[at : bracket if bracket >= 0 else len(html)]))
        if bracket < 0:
            break
        at = bracket
        if html.startswith("<!--", at):
            end = html.find("-->", at + 4)
            at = end + 3 if end >= 0 else len(html)
            continue
        tag = _TAG.match(html, at)
        if tag is None:
            declaration = _DECLARATION.match(html, at)
            out.append("" if declaration else "&lt;")
            at = declaration.end() if declaration else at + 1
            continue
        at = tag.end()
        name = tag[2].lower()
        if name in _SILENT and not tag[1]:
            end_tag = re.compile(f"</{name}[^<>]*>", re.IGNORECASE).search(html, at)
            at = end_tag.end() if end_tag else len(html)
        elif name in _ALLOWED:
            (_close if tag[1] else _open)(name, tag[3], out, opened)
    return "".join([*out, *(f"</{name}>" for name in reversed(opened))]).strip()


def _open(name: str, attributes: str, out: List[str], opened: List[str]) -> None:
    if len(opened) >= _MAX_DEPTH:
        return
    spans = {span[1].lower(): int(span[2]) for span in _SPAN.finditer(attributes)}
    out.append("".join([f"<{name}", *(f' {key}="{value}"' for key, value in spans.items()), ">"]))
    if name not in _VOID:
        opened.append(name)


def _close(name: str, attributes: str, out: List[str], opened: List[str]) -> None:
    """Ends the element and what was left open inside, and never more than was opened here."""
    while name in opened:
        inner = opened.pop()
        out.append(f"</{inner}>")
        if inner == name:
            return


def _text(html: str) -> str:
    # Only short references: one with a million digits would be a number that takes long, or fails.
    return escape(printable(_REFERENCE.sub(lambda reference: unescape(reference[0]), html)))
