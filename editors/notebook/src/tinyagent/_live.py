"""What a cell shows while its run, or its code, goes on: in a notebook, in a terminal."""

# IPython's functions have no types.
# mypy: allow-untyped-calls

from __future__ import annotations

import sys
import time
from typing import Any, Dict, Mapping, Optional, TextIO

from IPython.display import DisplayHandle, display

from ._plain import duration, shorten
from ._text import TextStream
from .display import RunView

#: Seconds between two updates of a display, how much of the time may go into making them, and how many
#: characters a second may be sent: a front end has to lay them out.
_UPDATE_SECONDS = 0.12
_UPDATE_SHARE = 0.2
_UPDATE_CHARACTERS = 1_000_000


class LiveHtml:
    """Shows a run in one output of the notebook, updated in place and not too often."""

    def __init__(self, view: RunView) -> None:
        self.view = view
        self._handle: Optional[DisplayHandle] = display(self._bundle(), raw=True, display_id=True)
        self._next = 0.0

    def feed(self, event: Mapping[str, Any]) -> None:
        """Takes an event."""
        if self.view.feed(event):
            self._update()

    def tick(self) -> None:
        """Time has passed."""
        self.view.tick(time.time())
        self._update()

    def finish(self) -> None:
        """Shows the end."""
        self._show()

    def _update(self) -> None:
        if time.monotonic() >= self._next:
            self._show()

    def _show(self) -> None:
        began = time.monotonic()
        bundle = self._bundle()
        if self._handle is not None:
            self._handle.update(bundle, raw=True)
        now = time.monotonic()
        size = len(bundle["text/html"]) / _UPDATE_CHARACTERS
        self._next = now + max(_UPDATE_SECONDS, (now - began) / _UPDATE_SHARE, size)

    def _bundle(self) -> Dict[str, str]:
        return {"text/html": self.view._repr_html_(), "text/plain": repr(self.view)}


class LiveText:
    """Prints a run in a terminal as it goes on."""

    def __init__(self, view: RunView, stream: Optional[TextIO] = None) -> None:
        self.view = view
        self._out = stream or sys.stdout
        self._lines = TextStream(view)
        self._progress = ""
        self._is_terminal = self._out.isatty()

    def feed(self, event: Mapping[str, Any]) -> None:
        """Takes an event."""
        text = self._lines.feed(event)
        if text:
            self._clear()
            self._out.write(text)
            self._out.flush()

    def tick(self) -> None:
        """Time has passed: says so on one line, which is rewritten."""
        self.view.tick(time.time())
        if self._is_terminal:
            self._clear()
            self._progress = shorten(f"… {self.view.activity()} · {duration(self.view.elapsed)}", 78)
            self._out.write(self._progress)
            self._out.flush()

    def finish(self) -> None:
        """The end has been printed as it came; nothing is to be left on the line."""
        self._clear()
        self._out.flush()

    def _clear(self) -> None:
        if self._progress:
            self._out.write("\r\x1b[2K")
            self._progress = ""


class LiveCell:
    """Prints what a cell prints, as if it ran here, and keeps how it ended."""

    def __init__(self) -> None:
        self.step: Optional[int] = None
        self.result: Optional[Dict[str, Any]] = None
        self.display: Dict[str, Any] = {}

    @property
    def state_left(self) -> Optional[str]:
        """What became of the Python state; None where that is not known."""
        if self.step is None:
            return "kept"
        return self.result.get("state") if self.result else None

    def feed(self, event: Mapping[str, Any]) -> None:
        """Takes an event."""
        kind = event.get("type")
        if kind == "step.started" and self.step is None:
            self.step = event.get("step")
        if event.get("background"):
            self._print(kind, f"[left running by step {event.get('step')}] {event.get('text', '')}")
            return
        if event.get("step") != self.step:
            return
        if kind in ("stdout", "stderr"):
            self._print(kind, str(event.get("text", "")))
        elif kind == "display":
            self.display.update(event.get("data") or {})
        elif kind == "signal":
            print(f"⚑ {event.get('kind')}: {event.get('message')}", flush=True)
        elif kind == "step.finished":
            self.result = event.get("result")

    def _print(self, kind: object, text: str) -> None:
        stream = sys.stdout if kind == "stdout" else sys.stderr
        stream.write(text)
        stream.flush()

    def tick(self) -> None:
        """Nothing is shown while a cell runs but what it says, as in any notebook."""
