"""What an agent's session is to be like."""

from __future__ import annotations

import difflib
import enum
import math
from dataclasses import dataclass
from typing import Any, Dict, Optional, Type, TypeVar

from .errors import InvalidParams

_Choice = TypeVar("_Choice", bound=enum.Enum)


class TrustLevel(str, enum.Enum):
    """How far generated code is trusted, and so what runs it."""

    #: CPython inside the daemon's own process: nothing of the machine can be reached.
    LOCAL = "local"
    #: A Python process of its own, with the rights of the user.
    ISOLATED = "isolated"
    #: A container of its own.
    SANDBOXED = "sandboxed"

    def __str__(self) -> str:
        return self.value


class Sandbox(str, enum.Enum):
    """What the code of an isolated session may touch."""

    #: Python, its packages and the working folder to read, a temporary folder to write; no network.
    STRICT = "strict"
    #: What the user may read but the hidden files of the home folder, and the working folder to write.
    WORKSPACE = "workspace"
    #: All files of the user.
    OFF = "off"

    def __str__(self) -> str:
        return self.value


class Network(str, enum.Enum):
    """What code can reach."""

    #: Nothing.
    NONE = "none"
    #: What this machine can.
    HOST = "host"

    def __str__(self) -> str:
        return self.value


class PruneStrategy(str, enum.Enum):
    """How a conversation is made shorter."""

    #: Only the latest actions are kept.
    KEEP_LAST = "keep_last"
    #: Long observations are cut.
    TRUNCATE_OBSERVATIONS = "truncate_observations"
    #: Nothing is done.
    NONE = "none"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class ExecutionLimits:
    """What a step and a run may use.

    Args:
        timeout_seconds: seconds that one step's code may run.
        max_output_bytes: bytes that one step may print; what is beyond is cut.
        max_steps: steps that one run may take, whatever `max_steps` it asks for.
        max_memory_bytes: bytes of memory that the session's Python may use; None for the daemon's own limit.
        background_seconds: seconds of processor time that threads and processes which a step leaves running may
            take until the next one, beyond which they are paused until then; None for an hour.

    Raises:
        ValueError: a limit is out of range.
        TypeError: a limit is no number.
    """

    timeout_seconds: float = 30.0
    max_output_bytes: int = 10_000
    max_steps: int = 100
    max_memory_bytes: Optional[int] = None
    background_seconds: Optional[float] = None

    def __post_init__(self) -> None:
        _number("timeout_seconds", self.timeout_seconds, (int, float))
        if not (0 < self.timeout_seconds <= 86_400) or math.isnan(self.timeout_seconds):
            raise ValueError(f"timeout_seconds: {self.timeout_seconds} must be above 0 and at most 86400")
        _in_range("max_output_bytes", self.max_output_bytes, 1, 16 << 20)
        _in_range("max_steps", self.max_steps, 1, 10_000)
        if self.max_memory_bytes is not None:
            _in_range("max_memory_bytes", self.max_memory_bytes, 64 << 20, (1 << 63) - 1)
        if self.background_seconds is not None:
            _number("background_seconds", self.background_seconds, (int, float))
            if not 0 <= self.background_seconds <= 1e9:
                raise ValueError(f"background_seconds: {self.background_seconds} must be from 0 to 1000000000")

    def to_wire(self) -> Dict[str, Any]:
        """The limits as the protocol has them."""
        wire: Dict[str, Any] = {
            "timeout_seconds": float(self.timeout_seconds),
            "max_output_bytes": int(self.max_output_bytes),
            "max_steps": int(self.max_steps),
        }
        if self.max_memory_bytes is not None:
            wire["max_memory_bytes"] = int(self.max_memory_bytes)
        if self.background_seconds is not None:
            wire["background_seconds"] = float(self.background_seconds)
        return wire


def one_of(kind: Type[_Choice], name: str, value: object) -> _Choice:
    """The value of an option that has few.

    Raises:
        InvalidParams: it is none of them.
    """
    try:
        return kind(value)
    except ValueError:
        choices = [str(choice) for choice in kind]
        near = difflib.get_close_matches(str(value).lower(), choices, 1)
        hint = f"did you mean '{near[0]}'?" if near else None
        raise InvalidParams(f"{name}: '{value}' is none of {', '.join(choices)}", hint=hint) from None


def _number(name: str, value: object, kinds: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")


def _in_range(name: str, value: int, least: int, most: int) -> None:
    _number(name, value, int)
    if not least <= value <= most:
        raise ValueError(f"{name}: {value} must be from {least} to {most}")
