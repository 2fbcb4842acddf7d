"""Lets the harmless part of foreign HTML through: tables and text, nothing that acts or loads."""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser
from typing import List, Optional, Tuple

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
_SPANS = ("colspan", "rowspan")
_MAX_DEPTH = 64


class _Filter(HTMLParser):
    """Writes everything anew, so that nothing of the original's syntax survives."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: List[str] = []
        self.open: List[str] = []
        self.silent: List[str] = []

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        if tag in _SILENT:
            self.silent.append(tag)
        if self.silent or tag not in _ALLOWED or len(self.open) >= _MAX_DEPTH:
            return
        spans = "".join(
            f' {name}="{int(value)}"'
            for name, value in attrs
            if name in _SPANS and value and value.isascii() and value.isdigit() and len(value) < 4
        )
        self.out.append(f"<{tag}{spans}>")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        if tag in _VOID:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self.silent:
            if tag in self.silent:
                del self.silent[self.silent.index(tag) :]
            return
        if tag not in self.open:
            return
        # Ends what was left open inside, and never more than was opened here.
        while True:
            inner = self.open.pop()
            self.out.append(f"</{inner}>")
            if inner == tag:
                return

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.out.append(escape(data))

    def finish(self) -> str:
        self.close()
        self.out += [f"</{tag}>" for tag in reversed(self.open)]
        return "".join(self.out)


def sanitize(html: str) -> str:
    """The HTML with a short list of elements, no attributes but spans, and all elements closed."""
    html_filter = _Filter()
    html_filter.feed(html)
    return html_filter.finish().strip()
