"""Runs the tools of a session when generated code calls them."""

from __future__ import annotations

import contextvars
from typing import Any, Callable, Dict, FrozenSet, List, Optional

from .calls import Event
from .errors import TinycodeError

#: Runs a tool with what the code gave, and returns what JSON can say.
Runner = Callable[[List[Any], Dict[str, Any]], Any]
#: Sends `tools.result` with these parameters; raises where they cannot be sent.
Reply = Callable[[Dict[str, Any]], None]

#: The sessions whose code waits for the tool that runs in this context.
in_tool_of: "contextvars.ContextVar[FrozenSet[str]]" = contextvars.ContextVar("in_tool_of", default=frozenset())


class ToolServer:
    """The tools of one session that run in this process. Somebody has to keep it; the connection does not."""

    def __init__(self) -> None:
        self.session = ""
        self.runners: Dict[str, Runner] = {}
        #: The context in which tools run, so that what they print lands where the run was started.
        self.context: Optional[contextvars.Context] = None
        self._latest = 0

    def accepts(self, event: Event) -> bool:
        """Whether the call is to be answered here, and was not before."""
        # Events may be replayed to a client that attaches again; their calls have been answered.
        if event["seq"] <= self._latest:
            return False
        self._latest = event["seq"]
        return event.get("name") in self.runners

    def run(self, event: Event, reply: Reply) -> None:
        """Runs the tool of a `tool.call` and replies. Never raises."""
        call = event["call"]
        context = self.context.copy() if self.context is not None else contextvars.copy_context()
        try:
            runner = self.runners[event["name"]]
            context.run(in_tool_of.set, context.run(in_tool_of.get) | {self.session})
            value = context.run(runner, event.get("args") or [], event.get("kwargs") or {})
            reply({"call": call, "value": value})
        except BaseException as error:  # whatever it is, the code that called the tool has to be told
            reply({"call": call, "error": _described(error)})


def _described(error: BaseException) -> Dict[str, str]:
    text = error.message if isinstance(error, TinycodeError) else str(error)
    # An error must not fail to be sent itself.
    return {"type": type(error).__name__, "message": text.encode(errors="replace").decode()[: 1 << 20]}
