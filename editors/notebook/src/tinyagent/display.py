"""What people see of a run: a view that is fed events and can be shown as HTML or as plain text.

Nothing here talks to a daemon, prints or waits. A `RunView` takes the events of one run (or its
result alone), keeps a bounded amount of what they say, and renders it: `_html` for notebooks,
`_text` for terminals and logs.
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from ._plain import MAX_SHOWN, clip, duration, plural, printable, shorten, words_of

#: Steps that are shown; of longer runs, the middle ones are left out.
MAX_STEPS = 40
#: Rich outputs kept for a step, and the size above which those of a run are left out.
MAX_DISPLAYS = 8
MAX_DISPLAY_BYTES = 4 << 20
#: Signals and tool calls kept for a step.
MAX_MARKS = 50

#: For arguments, which may be large: looks at no more of them than is shown.
_BRIEF = reprlib.Repr()
_BRIEF.maxstring = _BRIEF.maxother = 80


@dataclass
class Piece:
    """Text that was printed in one go, to `stdout` or `stderr`; the middle of much text is gone."""

    stream: str
    text: str = ""
    dropped: int = 0

    def add(self, text: str) -> None:
        """Appends; memory stays bounded however much is printed."""
        self.text += text
        if len(self.text) > 8 * MAX_SHOWN:
            gone = len(self.text) - 4 * MAX_SHOWN
            self.dropped += gone
            self.text = self.text[: 2 * MAX_SHOWN] + self.text[-2 * MAX_SHOWN :]

    def shown(self, limit: int = MAX_SHOWN) -> str:
        """What is shown of it."""
        return clip(printable(self.text), limit)


@dataclass
class ToolCall:
    """One call of a tool."""

    call: str
    name: str
    arguments: str
    ok: Optional[bool] = None


@dataclass
class StepView:
    """One turn of the model and what its code did."""

    number: int
    started: float
    reply: str = ""
    code: str = ""
    pieces: List[Piece] = field(default_factory=list)
    displays: List[Dict[str, Any]] = field(default_factory=list)
    signals: List[Tuple[str, str]] = field(default_factory=list)
    calls: List[ToolCall] = field(default_factory=list)
    result: Optional[Mapping[str, Any]] = None
    whole: bool = False
    done: bool = False
    #: What a renderer has made of a step that will not change any more.
    rendered: Dict[Any, str] = field(default_factory=dict, repr=False)

    @property
    def words(self) -> str:
        """What the model said beside the code."""
        return words_of(self.reply, self.code)

    @property
    def error(self) -> Optional[Mapping[str, Any]]:
        """The exception that ended the code."""
        return self.result.get("error") if self.result else None

    @property
    def value(self) -> Optional[str]:
        """`repr` of a last bare expression."""
        return self.result.get("value") if self.result else None

    @property
    def state_left(self) -> Optional[str]:
        """What became of the Python state; None where that is not known."""
        if not self.code:
            return "kept"
        return self.result.get("state") if self.result else None

    @property
    def seconds(self) -> Optional[float]:
        """How long the code ran."""
        return self.result.get("duration_ms", 0.0) / 1000 if self.result else None

    def notes(self) -> List[str]:
        """What else must be said of the step."""
        if self.result is None:
            return ["the reply held no code"] if self.done and self.whole and not self.code else []
        notes = []
        if self.result.get("timeout"):
            notes.append("stopped: it took too long")
        elif self.result.get("interrupted"):
            notes.append("interrupted")
        if self.result.get("output_truncated"):
            notes.append("output cut at the session's limit")
        if self.error:
            return notes  # it says what became of the state
        if self.result.get("state") == "restored":
            notes.append("the Python state is as it was before this step")
        elif self.result.get("state") == "lost":
            notes.append("the Python state was lost")
        return notes

    def write(self, stream: str, text: str) -> None:
        """Takes what was printed. A flood of alternating pieces is folded into the last ones."""
        same = [piece for piece in self.pieces[-1:] if piece.stream == stream]
        if not same and len(self.pieces) >= MAX_MARKS:
            same = [piece for piece in self.pieces if piece.stream == stream][-1:]
        if not same:
            same = [Piece(stream)]
            self.pieces += same
        same[0].add(text)


class RunView:
    """A run as far as it is known: steps, code, output, the answer.

    Feed it the events of one run. It shows itself in notebooks as HTML, elsewhere as text, while
    the run goes on and after it.
    """

    def __init__(self, task: str = "", *, about: str = "", show_task: bool = True) -> None:
        self.task = task
        #: What else the footer says, such as the session's trust level and model.
        self.about = about
        self.show_task = show_task
        self.run: Optional[str] = None
        self.steps: List[StepView] = []
        self.result: Optional[Dict[str, Any]] = None
        #: Where the answer is kept, for the footer.
        self.bound_to = ""
        self.started: Optional[float] = None
        self.now: Optional[float] = None
        self._room = MAX_DISPLAY_BYTES

    @classmethod
    def from_events(cls, events: Iterable[Mapping[str, Any]], **options: Any) -> "RunView":
        """The view of a run whose events are at hand."""
        view = cls(**options)
        for event in events:
            view.feed(event)
        return view

    def feed(self, event: Mapping[str, Any]) -> bool:
        """Takes one event of the session; returns whether it belongs to this run."""
        kind = event.get("type")
        if kind == "run.started":
            if self.run is not None:
                return False
            self.run = event.get("run")
            self.task = self.task or event.get("task", "")
            self.started = event.get("time")
        elif kind == "run.finished":
            if self.run is not None and event.get("run") != self.run:
                return False
            self.finish(event["result"])
        elif kind == "step.started":
            if self.run is not None and event.get("run") != self.run:
                return False
            self.steps.append(StepView(event["step"], event.get("time", 0.0)))
        else:
            step = self._step_of(event)
            if step is None:
                return False
            if event.get("type") == "display":
                self._display(step, event.get("data") or {})
            else:
                _tell(step, event)
        self.now = event.get("time", self.now)
        return True

    def finish(self, result: Mapping[str, Any]) -> None:
        """Takes the run's result; nothing is expected after it."""
        self.result = dict(result)
        for step in self.steps:
            step.done = True

    def _display(self, step: StepView, data: Mapping[str, Any]) -> None:
        """Keeps rich output while there is room, for the view is sent as a whole, and often."""
        size = sum(len(content) for content in data.values() if isinstance(content, str))
        if len(step.displays) < MAX_DISPLAYS:
            fits = size <= self._room
            self._room -= size if fits else 0
            step.displays.append(dict(data) if fits else {})

    def tick(self, now: float) -> None:
        """Says what time it is, for the display of a run that goes on."""
        self.now = now

    def _step_of(self, event: Mapping[str, Any]) -> Optional[StepView]:
        if event.get("type") == "tool.done":
            for step in reversed(self.steps):
                if any(call.call == event.get("call") for call in step.calls):
                    return step
            return None
        number = event.get("step")
        # Events come in order, so that almost always the last step is meant.
        return next((step for step in reversed(self.steps) if step.number == number), None)

    @property
    def finished(self) -> bool:
        """Whether the run is over."""
        return self.result is not None

    @property
    def state(self) -> str:
        """`running`, or how the run ended."""
        return str(self.result.get("state", "completed")) if self.result else "running"

    @property
    def answered(self) -> bool:
        """Whether there is an answer."""
        return bool(self.result and self.result.get("final_answer"))

    @property
    def answer(self) -> Any:
        """The answer's value; None where there is none."""
        return self.result["final_answer"].get("value") if self.answered and self.result else None

    @property
    def state_left(self) -> Optional[str]:
        """What became of the Python state; None where that is not known."""
        states = [step.state_left for step in self.steps]
        if "lost" in states:
            return "lost"
        return states[-1] if states else "kept"

    @property
    def code(self) -> str:
        """The code of all steps, in order."""
        return "\n\n".join(step.code for step in self.steps if step.code)

    @property
    def elapsed(self) -> float:
        """Seconds that the run took, or has taken so far."""
        if self.result and self.result.get("duration_seconds") is not None:
            return float(self.result["duration_seconds"])
        return max((self.now or 0.0) - (self.started or self.now or 0.0), 0.0)

    def activity(self) -> str:
        """What the run is doing now."""
        if not self.steps or self.steps[-1].done:
            return "starting" if not self.steps else "thinking"
        step = self.steps[-1]
        waiting = [call.name for call in step.calls if call.ok is None]
        if waiting:
            return f"calling {waiting[-1]}"
        if step.code:
            return "running the code"
        return "writing" if step.reply else "thinking"

    def trouble(self) -> Optional[Tuple[str, str]]:
        """Why there is no answer, as a short title and what to know; None where all is well."""
        if self.result is None or self.answered:
            return None
        error = self.result.get("error") or {}
        title = {
            "step_limit_reached": "No answer within the step limit",
            "cancelled": "Interrupted",
            "error": "The run failed",
        }.get(self.state, "The run ended without an answer")
        hint = error.get("hint")
        text = printable(" ".join(part for part in (error.get("message"), hint and f"({hint})") if part))
        return title, clip(text)

    def footer(self) -> str:
        """`3 steps · 4.2 s · 1,234 tokens`, and what else is to be said."""
        taken = len(self.steps)
        tokens = 0
        if self.result:
            taken = self.result.get("steps_taken", taken)
            usage = (self.result.get("metadata") or {}).get("usage") or {}
            tokens = usage.get("total_tokens", 0)
        parts = [plural(taken, "step"), duration(self.elapsed)]
        parts += [plural(tokens, "token")] if tokens else []
        parts += [printable(self.about)] if self.about else []
        return " · ".join(parts)

    def visible(self) -> List[Tuple[int, Optional[StepView]]]:
        """Steps with their number in this run; None, with how many, for those left out."""
        numbered: List[Tuple[int, Optional[StepView]]] = list(enumerate(self.steps, 1))
        if len(numbered) <= MAX_STEPS:
            return numbered
        half = MAX_STEPS // 2
        return [*numbered[:half], (len(numbered) - 2 * half, None), *numbered[-half:]]

    def text(self) -> str:
        """The run as plain text."""
        from . import _text

        return _text.render(self)

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        from . import _html

        return _html.render(self)


def _tell(step: StepView, event: Mapping[str, Any]) -> None:
    """Writes one event into its step."""
    kind = event.get("type")
    if kind == "model.delta":
        step.reply = (step.reply + event.get("text", ""))[:64_000]
    elif kind == "model.message":
        step.reply, step.whole = event.get("text", ""), True
    elif kind == "code":
        step.code = event.get("code", "")
    elif kind in ("stdout", "stderr"):
        step.write(kind, event.get("text", ""))
    elif kind == "signal":
        if len(step.signals) < MAX_MARKS:
            step.signals.append((event.get("kind", ""), event.get("message", "")))
    elif kind == "tool.call":
        if len(step.calls) < MAX_MARKS:
            step.calls.append(ToolCall(event.get("call", ""), event.get("name", ""), _arguments(event)))
    elif kind == "tool.done":
        for call in step.calls:
            if call.call == event.get("call"):
                call.ok = bool(event.get("ok"))
    elif kind == "step.finished":
        step.result, step.done = event.get("result"), True


def _arguments(event: Mapping[str, Any]) -> str:
    given = [_BRIEF.repr(value) for value in event.get("args") or []]
    given += [f"{name}={_BRIEF.repr(value)}" for name, value in (event.get("kwargs") or {}).items()]
    return shorten(printable(", ".join(given)), 120)
