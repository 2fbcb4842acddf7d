"""What a session remembers: the scratchpad that the model is shown, and the steps of its conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple, Type, Union

from .convert import to_json
from .options import PruneStrategy
from .results import known_fields
from .session import Session


@dataclass(frozen=True)
class MemoryContents:
    """All that is in a scratchpad."""

    variables: Dict[str, Any] = field(default_factory=dict)
    observations: List[str] = field(default_factory=list)
    failed_approaches: List[str] = field(default_factory=list)


class Memory:
    """The scratchpad of a session: what code stores as `memory.store(...)` is here, and the other way round.

    The model is shown it at each turn, so what is put here between two steps is seen by the next.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def store(self, name: str, value: Any) -> None:
        """Keeps a value under a name.

        Raises:
            TypeError, ValueError: JSON cannot say the value.
        """
        self._session.call("memory.store", name=name, value=to_json(value))

    def recall(self, name: str, default: Any = None) -> Any:
        """The value kept under a name. One that JSON cannot say comes as its repr."""
        answer = self._session.call("memory.recall", name=name)
        return answer["value"] if answer["found"] else default

    def observe(self, text: str) -> None:
        """Notes an observation."""
        self._session.call("memory.observe", text=text)

    def fail(self, text: str) -> None:
        """Notes what did not work."""
        self._session.call("memory.fail", text=text)

    def clear(self) -> None:
        """Forgets all of it."""
        self._session.call("memory.clear")

    def context(self) -> str:
        """The scratchpad as the model is shown it."""
        return str(self._session.call("memory.context")["text"])

    def list(self) -> MemoryContents:
        """All that is in it."""
        return MemoryContents(**known_fields(MemoryContents, self._session.call("memory.list")))


@dataclass(frozen=True)
class MemoryStep:
    """One step of the conversation. `time` is when, in seconds since 1970."""

    time: float = 0.0


@dataclass(frozen=True)
class SystemPromptStep(MemoryStep):
    """The instructions that the conversation starts with."""

    text: str = ""


@dataclass(frozen=True)
class TaskStep(MemoryStep):
    """A task."""

    text: str = ""


@dataclass(frozen=True)
class ScratchpadStep(MemoryStep):
    """The scratchpad as the model is shown it."""

    text: str = ""


@dataclass(frozen=True)
class ActionStep(MemoryStep):
    """A reply of the model, and what came of it.

    `observation` is what the model was told of the outcome, `usage` the tokens that the reply took.
    """

    step: int = 0
    reply: str = ""
    code: Optional[str] = None
    observation: str = ""
    error: Optional[str] = None
    duration_seconds: float = 0.0
    usage: Dict[str, int] = field(default_factory=dict)


_STEPS: Dict[str, Type[MemoryStep]] = {
    "system_prompt": SystemPromptStep,
    "task": TaskStep,
    "action": ActionStep,
    "scratchpad": ScratchpadStep,
}


def step_of_wire(wire: Mapping[str, Any]) -> MemoryStep:
    """The typed step for an entry of `memory.steps`."""
    cls = _STEPS.get(str(wire.get("kind")), MemoryStep)
    return cls(**known_fields(cls, wire))


class MemoryManager:
    """The conversation of an agent as typed steps, and how it is kept short.

    Given to an agent, its strategy is the agent's: KEEP_LAST prunes after each step, TRUNCATE_OBSERVATIONS
    after each run. The system prompt and the current task are never pruned.

    Args:
        strategy: how the conversation is made shorter.
        keep_last: how many of the latest actions KEEP_LAST keeps.
        max_length: how many characters TRUNCATE_OBSERVATIONS leaves of each observation.
    """

    def __init__(
        self,
        strategy: Union[PruneStrategy, str] = PruneStrategy.NONE,
        *,
        keep_last: int = 3,
        max_length: int = 500,
    ) -> None:
        if keep_last < 1 or max_length < 1:
            raise ValueError("keep_last and max_length must be at least 1")
        self.strategy = PruneStrategy(strategy)
        self.keep_last = keep_last
        self.max_length = max_length
        self._session: Optional[Session] = None

    def bind(self, session: Session) -> None:
        """Makes it the manager of a session; agents do so."""
        if self._session is not None and self._session is not session:
            raise ValueError("this MemoryManager belongs to another agent; make one for each")
        self._session = session

    @property
    def steps(self) -> List[MemoryStep]:
        """The steps of the conversation, oldest first."""
        if self._session is None or self._session.id is None:
            return []
        return [step_of_wire(entry) for entry in self._session.call("memory.steps")["steps"]]

    @property
    def actions(self) -> List[ActionStep]:
        """Those steps that are actions."""
        return [step for step in self.steps if isinstance(step, ActionStep)]

    def prune(
        self,
        strategy: Union[PruneStrategy, str, None] = None,
        *,
        keep_last: Optional[int] = None,
        max_length: Optional[int] = None,
    ) -> Tuple[int, int]:
        """Makes the conversation shorter now; returns its number of steps before and after."""
        if self._session is None:
            raise ValueError("this MemoryManager belongs to no agent yet: give it to one as `memory_manager`")
        answer = self._session.call("memory.prune", **self.prune_params(strategy, keep_last, max_length))
        return answer["steps_before"], answer["steps_after"]

    def prune_params(
        self,
        strategy: Union[PruneStrategy, str, None] = None,
        keep_last: Optional[int] = None,
        max_length: Optional[int] = None,
    ) -> Dict[str, Any]:
        """The parameters of `memory.prune`."""
        return {
            "strategy": PruneStrategy(strategy or self.strategy).value,
            "keep_last": keep_last or self.keep_last,
            "max_length": max_length or self.max_length,
        }

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[MemoryStep]:
        return iter(self.steps)

    def __bool__(self) -> bool:
        return True  # an empty one is one, too
