"""What is seen of a run while it goes on: kept for its result, printed, and handed on."""

from __future__ import annotations

import logging
import sys
from typing import Any, Callable, Dict, List, Mapping, Optional

from .calls import Event
from .results import ExecResult, FinalAnswer, RunResult, Signal, StepResult, known_fields

_log = logging.getLogger("tinyagent")


class Watcher:
    """Takes the events of a run."""

    def __init__(self, task: Optional[str], verbose: bool, on_event: Optional[Callable[[Event], object]]) -> None:
        self._steps: Dict[int, Dict[str, Any]] = {}
        self._signals: List[Signal] = []
        self._on_event = on_event
        self._printer = _printer(task) if verbose else None

    def __call__(self, event: Event) -> None:
        self._keep(event)
        for show in (self._printer, self._on_event):
            if show is not None:
                try:
                    show(event)
                except Exception:
                    # Showing is not what the run is for: it goes on.
                    _log.exception("showing event %s failed", event.get("type"))

    def _keep(self, event: Event) -> None:
        kind, step = event["type"], event.get("step")
        if step is None:
            return
        if kind == "step.started":
            self._steps[step] = {"step": step, "run": event.get("run")}
        elif kind == "signal":
            self._signals.append(Signal.from_wire(event))
        elif step in self._steps:
            part = {"model.message": "text", "code": "code", "step.finished": "result"}.get(kind)
            if part is not None:
                name = "reply" if kind == "model.message" else part
                self._steps[step][name] = event.get(part)

    def result(self, wire: Mapping[str, Any]) -> RunResult:
        """The result of the run with the steps and signals that belong to it."""
        run = (wire.get("metadata") or {}).get("run")
        steps = [kept for kept in self._steps.values() if kept["run"] == run]
        numbers = {kept["step"] for kept in steps}
        signals = [signal for signal in self._signals if signal.step in numbers]
        result = RunResult.from_wire(wire, [_step(kept) for kept in steps], signals)
        if result.steps and result.final_answer is not None:
            result.steps[-1] = _last(result.steps[-1], result.final_answer)
        return result


def _step(kept: Mapping[str, Any]) -> StepResult:
    fields = known_fields(StepResult, kept)
    result = fields.get("result")
    fields["result"] = ExecResult.from_wire(result) if result else None
    fields["reply"] = fields.get("reply") or ""
    return StepResult(**fields)


def _last(step: StepResult, answer: FinalAnswer) -> StepResult:
    return StepResult(step.step, step.reply, step.code, step.result, True, answer, "completed")


def _printer(task: Optional[str]) -> Callable[[Event], None]:
    from ._text import TextStream
    from .display import RunView

    lines = TextStream(RunView(task or ""))

    def show(event: Event) -> None:
        text = lines.feed(event)
        if text:
            print(text, end="", file=sys.stdout, flush=True)

    return show
