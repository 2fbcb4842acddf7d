"""What comes back: typed forms of the protocol's results.

Each is made from the wire by `from_wire`, which ignores fields that a newer daemon adds.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Type, TypeVar

_T = TypeVar("_T")


def known_fields(cls: Type[_T], wire: Mapping[str, Any]) -> Dict[str, Any]:
    """Those of the fields that the dataclass has."""
    names = {item.name for item in dataclasses.fields(cls)}  # type: ignore[arg-type]
    return {name: value for name, value in wire.items() if name in names}


@dataclass(frozen=True)
class Signal:
    """Something that generated code said of the model's mind: `uncertain`, `explore` or `commit`."""

    kind: str
    message: str
    step: int = 0
    seq: int = 0
    time: float = 0.0

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> "Signal":
        return cls(**known_fields(cls, wire))

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


@dataclass(frozen=True)
class PythonError:
    """The exception that ended a step's code."""

    type: str
    message: str
    traceback: str = ""
    line: Optional[int] = None

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> "PythonError":
        return cls(**known_fields(cls, wire))

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


@dataclass(frozen=True)
class ExecResult:
    """What a step's code did.

    `output` is what it printed, `value` the repr of a last bare expression, `state` what became of the
    variables: "kept", "restored" or "lost".
    """

    step: int = 0
    output: str = ""
    stderr: str = ""
    output_truncated: bool = False
    value: Optional[str] = None
    is_final: bool = False
    final_value: Any = None
    error: Optional[PythonError] = None
    timeout: bool = False
    interrupted: bool = False
    duration_ms: float = 0.0
    signals: List[Signal] = field(default_factory=list)
    display: List[Dict[str, Any]] = field(default_factory=list)
    state: str = "kept"

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> "ExecResult":
        fields = known_fields(cls, wire)
        error = fields.get("error")
        fields["error"] = PythonError.from_wire(error) if error else None
        fields["signals"] = [Signal.from_wire(signal) for signal in fields.get("signals") or []]
        return cls(**fields)

    @property
    def success(self) -> bool:
        """Whether the code ran to its end."""
        return self.error is None and not self.timeout and not self.interrupted

    def __str__(self) -> str:
        parts = [self.output.rstrip("\n"), self.stderr.rstrip("\n"), self.value, self.error and str(self.error)]
        return "\n".join(part for part in parts if part)


@dataclass(frozen=True)
class FinalAnswer:
    """The value given to `final_answer`: as JSON has it where it can, else its repr.

    `source` is "normal", or "final_attempt" where the model had been told that the step is the last.
    """

    value: Any
    source: str = "normal"
    timestamp: float = 0.0
    metadata: Dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> "FinalAnswer":
        return cls(**known_fields(cls, wire))


@dataclass(frozen=True)
class StepResult:
    """What one turn of the loop did: the model's reply, the code in it, and what that did.

    `state` is "running", "completed", "step_limit_reached" or "cancelled"; `done` says whether the task has
    ended.
    """

    step: int = 0
    reply: str = ""
    code: Optional[str] = None
    result: Optional[ExecResult] = None
    done: bool = False
    final_answer: Optional[FinalAnswer] = None
    state: str = "running"

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> "StepResult":
        fields = known_fields(cls, wire)
        result, answer = fields.get("result"), fields.get("final_answer")
        fields["result"] = ExecResult.from_wire(result) if result else None
        fields["final_answer"] = FinalAnswer.from_wire(answer) if answer else None
        return cls(**fields)


@dataclass(frozen=True)
class RunError:
    """Why a run has no answer; `type` is the kind of error, as in the protocol."""

    type: str
    message: str
    hint: Optional[str] = None

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> "RunError":
        return cls(**known_fields(cls, wire))

    def __str__(self) -> str:
        return f"{self.message}\nHint: {self.hint}" if self.hint else self.message


@dataclass(frozen=True)
class RunResult:
    """What came of a run. `str()` of it is `output`, the answer as text.

    `state` is "completed", "step_limit_reached", "error" or "cancelled". `steps` and `signals` are what was
    seen while it ran.
    """

    output: str = ""
    final_answer: Optional[FinalAnswer] = None
    state: str = "completed"
    steps_taken: int = 0
    duration_seconds: float = 0.0
    error: Optional[RunError] = None
    metadata: Dict[str, Any] = field(default_factory=dict)
    steps: List[StepResult] = field(default_factory=list, repr=False)
    signals: List[Signal] = field(default_factory=list, repr=False)

    @classmethod
    def from_wire(
        cls,
        wire: Mapping[str, Any],
        steps: Optional[List[StepResult]] = None,
        signals: Optional[List[Signal]] = None,
    ) -> "RunResult":
        fields = known_fields(cls, wire)
        answer, error = fields.get("final_answer"), fields.get("error")
        fields["final_answer"] = FinalAnswer.from_wire(answer) if answer else None
        fields["error"] = RunError.from_wire(error) if error else None
        fields["steps"], fields["signals"] = steps or [], signals or []
        return cls(**fields)

    @property
    def success(self) -> bool:
        """Whether there is an answer."""
        return self.state == "completed"

    @property
    def value(self) -> Any:
        """The value of the final answer, or None."""
        return None if self.final_answer is None else self.final_answer.value

    @property
    def usage(self) -> Dict[str, int]:
        """Tokens and requests that the run took, as the model's server counts them."""
        return dict(self.metadata.get("usage") or {})

    def __str__(self) -> str:
        return self.output
