"""A run as plain text, whole or as it comes."""

from __future__ import annotations

import textwrap
from typing import Any, List, Mapping

from ._plain import clip, printable, show_value
from .display import RunView, StepView

WIDTH = 80
_BAR = {"stdout": "  │ ", "stderr": "  ┆ "}


def render(view: RunView) -> str:
    """All that is known of the run."""
    parts: List[str] = []
    if view.show_task and view.task:
        parts.append(f"task: {clip(printable(view.task), 400)}\n")
    for number, step in view.visible():
        if step is None:
            parts.append(f"… {number} steps left out …\n")
        else:
            output = "".join(bar(piece.stream, piece.shown()) for piece in step.pieces)
            parts.append(head(number, step) + code(step) + output + tail(step))
    parts.append(end(view))
    return "".join(parts).rstrip("\n")


def head(number: int, step: StepView) -> str:
    """The line that begins a step, and the model's words."""
    text = f"── step {number} ".ljust(WIDTH, "─") + "\n"
    return text + "".join(f"{wrapped}\n" for wrapped in _wrapped(step.words))


def code(step: StepView) -> str:
    """The code of a step."""
    if not step.code:
        return ""
    lines = clip(printable(step.code)).splitlines()
    return "".join(f"  {mark} {line}".rstrip() + "\n" for mark, line in zip([">>>"] + ["..."] * len(lines), lines))


def bar(stream: str, text: str) -> str:
    """What was printed, marked at the side."""
    return "".join(f"{_BAR[stream]}{line}".rstrip() + "\n" for line in text.splitlines())


def tail(step: StepView) -> str:
    """What a step came to beside its output."""
    lines = [
        f"  ⚙ {printable(call.name)}({call.arguments})" + ("" if call.ok in (None, True) else " failed")
        for call in step.calls
    ]
    lines += [f"  ⚑ {kind}: {printable(message)}" for kind, message in step.signals]
    if step.value is not None:
        lines.append(f"  = {clip(printable(step.value))}")
    if step.error:
        trace = printable(step.error.get("traceback") or "").rstrip() or _summary(step.error)
        lines += [f"  ! {line}" for line in clip(trace).splitlines()]
    lines += [f"  ({note})" for note in step.notes()]
    return "".join(f"{line}\n" for line in lines)


def end(view: RunView) -> str:
    """The answer, or why there is none, and the footer."""
    if not view.finished:
        return f"… {view.activity()} · {view.footer()}\n"
    text = ""
    if view.answered:
        text = "── answer ".ljust(WIDTH, "─") + "\n" + show_value(view.answer) + "\n"
    trouble = view.trouble()
    if trouble:
        title, why = trouble
        text = f"── {title} ".ljust(WIDTH, "─") + "\n" + (f"{why}\n" if why else "")
    bound = f" · the answer is in {view.bound_to}" if view.bound_to and view.answered else ""
    return f"{text}{view.footer()}{bound}\n"


class TextStream:
    """Turns events into text to print while the run goes on; together, what `render` gives."""

    def __init__(self, view: RunView) -> None:
        self.view = view
        self._rest = ""
        self._stream = "stdout"

    def feed(self, event: Mapping[str, Any]) -> str:
        """Feeds the view, and returns what is to be printed now."""
        if not self.view.feed(event):
            return ""
        kind = event.get("type")
        if kind == "run.finished":
            return self._flush() + end(self.view)
        step = self.view.steps[-1] if self.view.steps else None
        if step is None:
            return ""
        if kind == "model.message":
            return head(len(self.view.steps), step)
        if kind == "code":
            return code(step)
        if kind in _BAR:
            return self._output(str(kind), event.get("text", ""))
        if kind == "step.finished":
            return self._flush() + tail(step)
        return ""

    def _output(self, stream: str, text: str) -> str:
        """Whole lines only, so that each gets its mark."""
        before = self._flush() if stream != self._stream else ""
        self._stream = stream
        whole, newline, self._rest = (self._rest + text).rpartition("\n")
        return before + (bar(stream, printable(whole + newline)) if newline else "")

    def _flush(self) -> str:
        rest, self._rest = self._rest, ""
        return bar(self._stream, printable(rest)) if rest else ""


def _summary(error: Mapping[str, Any]) -> str:
    return f"{error.get('type')}: {error.get('message')}"


def _wrapped(words: str) -> List[str]:
    lines: List[str] = []
    for paragraph in words.splitlines():
        lines += textwrap.wrap(paragraph, WIDTH) or [""]
    return lines
