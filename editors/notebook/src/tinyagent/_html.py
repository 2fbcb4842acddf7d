"""A run as HTML for notebooks: one block of its own style, no scripts, nothing loaded.

Everything that comes from the model, from its code or from a tool passes through `_text` (escaped)
or `sanitize`; nothing else writes foreign text into the page.
"""

# mypy: disable-error-code="import-untyped,import-not-found"

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from html import escape
from typing import Any, List, Mapping, Optional, Tuple

from ._plain import clip, duration, partial_code, plural, printable, shorten, show_value
from ._sanitize import sanitize
from ._style import STYLE
from .display import RunView, StepView

#: A finished run of at most so many steps shows all of them open.
OPEN_STEPS = 3
#: Characters of foreign HTML that is looked through.
MAX_HTML = 1 << 20
#: Characters of the words that stand beside a step's number.
MAX_TITLE = 110
#: Times below this are not worth the reader's attention.
MIN_SECONDS = 0.05
_SIGNALS = {"uncertain": "?", "explore": "⌕", "commit": "✓"}
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/svg+xml")


def render(view: RunView) -> str:
    """The whole view as one element."""
    parts = [f'<div class="tinyagent-run ta-{_name(view.state)}">', STYLE]
    if view.show_task and view.task:
        parts.append(f'<div class="ta-task">{_text(clip(view.task, 600))}</div>')
    for number, step in view.visible():
        if step is None:
            parts.append(f'<div class="ta-gap">… {plural(number, "step")} left out …</div>')
        else:
            parts.append(_step(view, number, step))
    parts.append(_ending(view))
    parts.append("</div>")
    return "".join(parts)


def _text(text: str) -> str:
    return escape(printable(text), quote=True)


def _name(text: str) -> str:
    return "".join(char for char in text if char.isascii() and (char.isalnum() or char in "-_"))


def _step(view: RunView, number: int, step: StepView) -> str:
    is_open = step is view.steps[-1] or (view.finished and len(view.steps) <= OPEN_STEPS)
    html = step.rendered.get((number, is_open)) or _new_step(number, step, is_open)
    if step.done:
        step.rendered[number, is_open] = html
    return html


def _new_step(number: int, step: StepView, is_open: bool) -> str:
    code = step.code or (clip(partial_code(step.reply)) if not step.whole else "")
    title, rest, cut = _title(step.words)
    if not title and code:
        title_html = f'<span class="ta-preview"><code>{_text(shorten(_telling_line(code), 80))}</code></span>'
    else:
        title_html = f'<span class="ta-words{" ta-cut" if cut else ""}">{_text(title)}</span>'
    summary = (
        f'<summary><span class="ta-number">{number}</span>{title_html}'
        f'<span class="ta-marks">{_marks(step)}</span></summary>'
    )
    body = [f'<div class="ta-say">{_text(rest)}</div>'] if rest else []
    if code:
        body.append(f'<pre class="ta-code">{highlight(clip(printable(code)))}</pre>')
    body += _outcome(step)
    opened = " open" if is_open else ""
    return f'<details class="ta-step"{opened}>{summary}<div class="ta-body">{"".join(body)}</div></details>'


def _title(words: str) -> Tuple[str, str, bool]:
    """What stands beside the step's number, what is left to say below, and whether that says it again."""
    first, _, more = words.partition("\n")
    if len(first) > MAX_TITLE:
        sentence, stop, after = first[:MAX_TITLE].rpartition(". ")
        if not stop:
            return shorten(first, MAX_TITLE), words, True
        first, more = sentence + ".", f"{after}{first[MAX_TITLE:]}\n{more}"
    return first, more.strip(), False


def _telling_line(code: str) -> str:
    """The line that says most about the code of a folded step: the last one."""
    lines = [line for line in code.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return lines[-1] if lines else ""


def _marks(step: StepView) -> str:
    """Small signs at the end of a step's title."""
    marks: List[str] = []
    for kind, message in step.signals:
        sign = _SIGNALS.get(kind, "•")
        marks.append(
            f'<span class="ta-mark ta-{_name(kind)}" title="{_text(shorten(message, 200))}">{sign} {_text(kind)}</span>'
        )
    if step.calls:
        marks.append(f'<span class="ta-mark">{plural(len(step.calls), "call")}</span>')
    if step.error:
        marks.append(f'<span class="ta-mark ta-bad">{_text(shorten(str(step.error.get("type")), 60))}</span>')
    elif step.result and step.result.get("is_final"):
        marks.append('<span class="ta-mark ta-good">answer</span>')
    if step.seconds is not None and step.seconds >= MIN_SECONDS:
        marks.append(f'<span class="ta-time">{duration(step.seconds)}</span>')
    return "".join(marks)


def _outcome(step: StepView) -> List[str]:
    """What the code of a step did."""
    parts = [
        f'<div class="ta-call"><span class="ta-sign">{"✗" if call.ok is False else "→"}</span>'
        f"<code>{_text(call.name)}({_text(call.arguments)})</code></div>"
        for call in step.calls
    ]
    parts += [f'<pre class="ta-out ta-{piece.stream}">{escape(piece.shown())}</pre>' for piece in step.pieces]
    parts += [rich(data) for data in step.displays]
    if step.value is not None and not any(_richer(data) for data in step.displays):
        parts.append(f'<pre class="ta-out ta-value">{_text(clip(step.value))}</pre>')
    parts += [
        f'<div class="ta-signal ta-{_name(kind)}"><b>{_SIGNALS.get(kind, "•")} {_text(kind)}</b> '
        f"{_text(clip(message, 1000))}</div>"
        for kind, message in step.signals
    ]
    if step.error:
        parts.append(_error(step.error))
    parts += [f'<div class="ta-note">{_text(note)}</div>' for note in step.notes()]
    return parts


def _error(error: Mapping[str, Any]) -> str:
    kind, message = str(error.get("type")), str(error.get("message"))
    title = f"<b>{_text(kind)}</b>: {_text(clip(message, 1000))}"
    trace = str(error.get("traceback") or "").rstrip()
    if trace in ("", f"{kind}: {message}"):
        return f'<div class="ta-error">{title}</div>'
    return f'<details class="ta-error"><summary>{title}</summary><pre>{_text(clip(trace))}</pre></details>'


def _ending(view: RunView) -> str:
    parts: List[str] = []
    if not view.finished:
        return (
            f'<div class="ta-foot"><span class="ta-pulse"></span>{_text(view.activity())}'
            f" · {_text(view.footer())}</div>"
        )
    if view.answered:
        parts.append(f'<div class="ta-answer"><div class="ta-label">Answer</div>{_answer(view.answer)}</div>')
    trouble = view.trouble()
    if trouble:
        title, why = trouble
        parts.append(
            f'<div class="ta-answer ta-none"><div class="ta-label">{_text(title)}</div>'
            f'<div class="ta-why">{_text(why)}</div></div>'
        )
    bound = ""
    if view.bound_to and view.answered:
        bound = f" · the answer is in <code>{_text(view.bound_to)}</code>"
    parts.append(f'<div class="ta-foot">{_text(view.footer())}{bound}</div>')
    return "".join(parts)


def _answer(value: Any) -> str:
    text = show_value(value)
    if isinstance(value, str):
        return f'<div class="ta-prose">{escape(text)}</div>'
    plain = "\n" not in text and len(text) <= 60
    return f'<pre class="ta-result{" ta-big" if plain else ""}">{highlight(text)}</pre>'


def rich(data: Mapping[str, Any]) -> str:
    """Rich output: an image, a table, or nothing where only text is left.

    The code that made it is a model's: its HTML is cut down to tables and text, and an SVG is
    shown as an image, in which no script runs.
    """
    for mime in _IMAGES:
        image = _image(mime, data.get(mime))
        if image:
            return image
    html = data.get("text/html")
    if isinstance(html, str) and len(html) <= MAX_HTML:
        return f'<div class="ta-rich">{sanitize(html)}</div>'
    for mime in ("text/markdown", "text/latex", "text/plain"):
        text = data.get(mime)
        if isinstance(text, str):
            return f'<pre class="ta-out">{_text(clip(text))}</pre>'
    return '<div class="ta-note">rich output that is too large, or of no kind that can be shown here</div>'


def _richer(data: Mapping[str, Any]) -> bool:
    return any(mime in data for mime in (*_IMAGES, "text/html", "text/markdown", "text/latex"))


def _image(mime: str, data: Any) -> Optional[str]:
    if not isinstance(data, str):
        return None
    if mime == "image/svg+xml":
        encoded = base64.b64encode(data.encode("utf-8", "replace")).decode("ascii")
    else:
        encoded = "".join(data.split())
        try:
            base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return None
    return f'<div class="ta-rich"><img alt="image that the code made" src="data:{mime};base64,{encoded}"></div>'


@lru_cache(maxsize=256)
def highlight(code: str) -> str:
    """Python as coloured HTML; escaped text where pygments is not there."""
    try:
        import pygments
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer
    except ImportError:
        return escape(code)
    formatter = HtmlFormatter(nowrap=True, classprefix="tk-")
    return str(pygments.highlight(code, PythonLexer(stripnl=False, ensurenl=False), formatter))
