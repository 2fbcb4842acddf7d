"""The agent: a model that works by writing Python."""

from __future__ import annotations

import asyncio
import os
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Union

from .client import Client, PathLike
from .errors import StepLimitReached, error_of_kind
from .memory import Memory, MemoryManager
from .options import ExecutionLimits, Network, PruneStrategy, Sandbox, TrustLevel
from .results import ExecResult, RunResult, Signal, StepResult
from .session import Folder, OnEvent, Session, session_options
from .tools import Tool
from .watch import Watcher

#: Where keys and servers of models are named.
_KEY, _BASE_URL = "OPENAI_API_KEY", "OPENAI_BASE_URL"
_MORE_STEPS = "raise max_steps, or run again with the same agent: its variables are kept"


class TinyCodeAgent:
    """An agent that works by writing Python, in a session of the tinycode daemon.

    The daemon is started when it is first needed, shared by all agents of the process, and ends with the last
    of them. The session, with its variables, lasts until the agent is closed, leaves its `with` block, or is
    no longer referenced. An agent may be used from several threads; what it is asked is done in order.

    Args:
        tools: functions that generated code may call; see `tool`.
        model: the model's name, as its server calls it.
        api_key: the key for the model's server; `OPENAI_API_KEY` of the environment where it is left out.
        trust_level: what runs generated code.
        limits: what a step and a run may use.
        extra_imports: packages that code may import beyond the default list; "*" allows all.
        system_suffix: text added to the end of the system prompt.
        prompt_file: a file whose text takes the place of the system prompt.
        memory_manager: how the conversation is kept short; see `MemoryManager`.
        enable_pruning: whether only the latest steps of a conversation are kept.
        prune_keep_last: how many are.
        base_url: the model's server; `OPENAI_BASE_URL` of the environment where it is left out.
        cwd: the folder that code works in; the current one where it is left out, none at all for False. A
            container gets a copy of it, and only if it is given.
        python: the interpreter of an isolated session; the one that runs this, with its packages, where it is
            left out.
        sandbox: what the code of an isolated session may touch: "strict", "workspace" (where it is left out) or "off".
        network: "none" or "host". Where it is left out, isolated code has the host's, but not in the sandbox
            "strict"; other code has none.
        name: a name for people.
        client: the client to use.
        socket: the Unix socket of a daemon that runs already.
        binary: the daemon's binary; see `find_binary` for where it is looked for otherwise.
        options: further SessionOptions of the protocol.

    Raises:
        ValueError, TypeError: an option is not as it should be. What only the daemon can know comes with the
            first use, as do `DaemonNotFound` and `TrustLevelUnavailable`.
        ToolDefinitionError: a function cannot be a tool as it is written.
    """

    def __init__(
        self,
        tools: Optional[Iterable[Union[Tool[Any], Callable[..., Any]]]] = None,
        model: str = "gpt-4o-mini",
        api_key: Optional[str] = None,
        trust_level: Union[TrustLevel, str] = TrustLevel.LOCAL,
        limits: Union[ExecutionLimits, Mapping[str, Any], None] = None,
        extra_imports: Optional[Iterable[str]] = None,
        system_suffix: Optional[str] = None,
        prompt_file: Optional[PathLike] = None,
        memory_manager: Optional[MemoryManager] = None,
        enable_pruning: bool = False,
        prune_keep_last: int = 3,
        *,
        base_url: Optional[str] = None,
        cwd: Folder = None,
        python: Optional[PathLike] = None,
        sandbox: Union[Sandbox, str, None] = None,
        network: Union[Network, str, None] = None,
        name: Optional[str] = None,
        client: Optional[Client] = None,
        socket: Optional[PathLike] = None,
        binary: Optional[PathLike] = None,
        options: Optional[Mapping[str, Any]] = None,
    ) -> None:
        if memory_manager is None:
            strategy = PruneStrategy.KEEP_LAST if enable_pruning else PruneStrategy.NONE
            memory_manager = MemoryManager(strategy, keep_last=prune_keep_last)
        elif memory_manager.strategy is PruneStrategy.KEEP_LAST:
            enable_pruning, prune_keep_last = True, memory_manager.keep_last
        mine: Dict[str, Any] = {
            "model": model,
            # Read here: the daemon may have been started before the caller set them.
            "api_key": api_key or os.environ.get(_KEY) or None,
            "base_url": base_url or os.environ.get(_BASE_URL) or None,
            "system_suffix": system_suffix,
            "prompt_file": None if prompt_file is None else os.path.abspath(os.path.expanduser(prompt_file)),
            "enable_pruning": enable_pruning,
            "prune_keep_last": prune_keep_last,
        }
        common = session_options(trust_level, limits, extra_imports, cwd, python, sandbox, network, name)
        given = {key: value for key, value in mine.items() if value is not None}
        wire = {**common, **given, **(options or {})}
        self._session = Session(wire, tools, client=client, socket=socket, binary=binary)
        #: The scratchpad that the agent's code and its model share with you.
        self.memory = Memory(self._session)
        #: The conversation with the model.
        self.memory_manager = memory_manager
        memory_manager.bind(self._session)
        #: What came of the latest run, also of one that raised an exception.
        self.last_result: Optional[RunResult] = None

    # -- tasks

    async def run(
        self,
        task: str,
        max_steps: int = 10,
        verbose: bool = False,
        return_result: bool = False,
        *,
        on_event: Optional[OnEvent] = None,
    ) -> Any:
        """Works on a task until it is answered, and returns the answer as text.

        A further run goes on with the variables and the conversation of the one before. Cancelling the
        coroutine stops the run.

        Args:
            task: what to do.
            max_steps: turns that the model may take, at most `limits.max_steps`.
            verbose: prints the steps as they come.
            return_result: returns a `RunResult` instead, also where there is no answer.
            on_event: is called with each event of the protocol as it comes.

        Raises:
            StepLimitReached: there was no answer after `max_steps`.
            ModelError: the model's server did not answer.
            Cancelled: `interrupt` stopped it.
        """
        watcher = Watcher(task, verbose, on_event)
        wire = await self._session.aperform("run", watcher, **_run_params(task, max_steps))
        if self._truncates:
            await self._session.acall("memory.prune", **self.memory_manager.prune_params())
        return self._answer(watcher.result(wire), return_result)

    def run_sync(
        self,
        task: str,
        max_steps: int = 10,
        verbose: bool = False,
        return_result: bool = False,
        *,
        on_event: Optional[OnEvent] = None,
    ) -> Any:
        """`run` for those who do not await: in scripts, and in notebooks, where an event loop runs already.

        Ctrl-C, and the interrupt of a notebook, stop the run and raise KeyboardInterrupt.
        """
        watcher = Watcher(task, verbose, on_event)
        wire = self._session.perform("run", watcher, **_run_params(task, max_steps))
        if self._truncates:
            self.memory_manager.prune()
        return self._answer(watcher.result(wire), return_result)

    def _answer(self, result: RunResult, return_result: bool) -> Any:
        self.last_result = result
        if return_result:
            return result
        if result.error is not None:
            error = error_of_kind(result.error.type, result.error.message, result.error.hint)
            if isinstance(error, StepLimitReached):
                error.hint = error.hint or _MORE_STEPS
                error.result = result
            raise error
        return result.output

    @property
    def _truncates(self) -> bool:
        return self.memory_manager.strategy is PruneStrategy.TRUNCATE_OBSERVATIONS

    # -- one turn at a time

    async def step(self, task: Optional[str] = None) -> StepResult:
        """Takes one turn of the loop. `task` begins one; its absence goes on with the one that was begun.

        What happens between two steps is seen by the next: `memory.store`, `exec`, `add_tools`.
        """
        return StepResult.from_wire(await self._session.acall("step", **_task_params(task)))

    def step_sync(self, task: Optional[str] = None) -> StepResult:
        """`step` for those who do not await."""
        return StepResult.from_wire(self._session.call("step", **_task_params(task)))

    def exec(self, code: str) -> ExecResult:
        """Runs code of yours in the agent's session, without the model."""
        return self._session.exec(code)

    async def aexec(self, code: str) -> ExecResult:
        """The same for coroutines."""
        return await self._session.aexec(code)

    # -- the session

    def add_tools(self, *tools: Union[Tool[Any], Callable[..., Any]]) -> List[str]:
        """Gives the agent more tools; returns their names."""
        return self._session.register(tools)

    @property
    def tools(self) -> List[Tool[Any]]:
        """The tools that generated code may call."""
        return self._session.tools

    @property
    def signals(self) -> List[Signal]:
        """The signals that generated code gave, oldest first."""
        return self._session.signals()

    @property
    def session(self) -> Session:
        """The session, for methods of the protocol that have no name here."""
        return self._session

    @property
    def session_id(self) -> Optional[str]:
        """The id of the session in the daemon; None before the first use."""
        return self._session.id

    def interrupt(self) -> bool:
        """Stops what runs, from another thread; variables are kept. Says whether something ran."""
        return self._session.interrupt()

    def reset(self) -> None:
        """Forgets all variables; the memory is kept."""
        self._session.reset()

    def close(self) -> None:
        """Ends the session, and the daemon if this was the last who used it."""
        self._session.close()

    def __enter__(self) -> "TinyCodeAgent":
        self._session.ensure()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> "TinyCodeAgent":
        await self._session.aensure()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.close)

    def __repr__(self) -> str:
        options = self._session.options
        return f"<TinyCodeAgent {options['model']}, {options['trust_level']}: {self._session.id or 'no session'}>"


def _run_params(task: str, max_steps: int) -> Dict[str, Any]:
    # The result is asked for in any case: an error has more to say with it.
    return {"task": task, "max_steps": max_steps, "return_result": True}


def _task_params(task: Optional[str]) -> Dict[str, Any]:
    return {} if task is None else {"task": task}
