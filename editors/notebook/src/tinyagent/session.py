"""A session of the daemon: made when it is first needed, closed when nobody holds it any more."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import queue
import sys
import threading
import weakref
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Union

from .calls import Event
from .client import Client, PathLike
from .errors import ClientClosed, InvalidRequest, TinycodeError
from .options import ExecutionLimits, Network, Sandbox, TrustLevel, one_of
from .results import ExecResult, Signal
from .tools import Tool, as_tools
from .toolserver import ToolServer, in_tool_of

OnEvent = Callable[[Event], object]
#: What a folder may be given as: None is the current one, False none at all.
Folder = Union[PathLike, None, bool]

_CLOSE_SECONDS = 5.0
_SETTLE_SECONDS = 2.0
#: What a tool cannot ask of the session whose code waits for it.
_WAITS_FOR_STEP = frozenset(("exec", "run", "step", "session.reset"))


class Session:
    """What `TinyCodeAgent` and `PythonExecutor` are made of: one session, its tools and its requests.

    Args:
        options: SessionOptions of the protocol, but for the tools.
        tools: functions that code in the session may call.
        client: the client to use; otherwise that of `socket`, or the one that this process shares.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        tools: Optional[Iterable[Union[Tool[Any], Callable[..., Any]]]] = None,
        *,
        client: Optional[Client] = None,
        binary: Optional[PathLike] = None,
        socket: Optional[PathLike] = None,
    ) -> None:
        if sum(way is not None for way in (client, binary, socket)) > 1:
            raise ValueError("give one of client, binary and socket")
        self.options = dict(options)
        self._tools: Dict[str, Tool[Any]] = {tool.name: tool for tool in as_tools(tools)}
        self._server = ToolServer()
        self._client, self._binary, self._socket = client, binary, socket
        self._id: Optional[str] = None
        self._closed = False
        self._starting = threading.RLock()
        self._abandon: Optional[Callable[[], Any]] = None

    # -- life

    @property
    def id(self) -> Optional[str]:
        """The session's id; None before it is needed."""
        return self._id

    @property
    def client(self) -> Client:
        """The client; starts or connects to the daemon where that has not been done."""
        with self._starting:
            if self._closed:
                raise ClientClosed("it has been closed", hint="make a new one")
            if self._client is None:
                self._client = (
                    Client.connect(socket=self._socket) if self._socket is not None else Client.shared(self._binary)
                )
            return self._client

    def ensure(self) -> str:
        """The session's id; makes the session where there is none.

        Raises:
            TrustLevelUnavailable, InvalidParams, DaemonNotFound: it cannot be made.
        """
        with self._starting:
            client = self.client
            if self._id is None:
                wire = [tool.to_wire() for tool in self._tools.values()]
                options = {**self.options, "tools": wire} if wire else self.options
                self._id = session = str(client.call("session.create", **options)["session"])
                self._server = ToolServer()  # the old one's calls were numbered by another session
                self._serve(self._tools.values())
                client.serve_tools(session, self._server)
                forget = client.own(session)
                self._abandon = weakref.finalize(self, forget)
                self._abandon.atexit = False  # the connection closes what it owns at exit
            return self._id

    def end(self) -> None:
        """Closes the session; the next request makes a fresh one."""
        with self._starting:
            session, client, self._id = self._id, self._client, None
            if self._abandon is not None:
                self._abandon.detach()  # type: ignore[attr-defined]
                self._abandon = None
            if session is None or client is None or not client.alive:
                return
            client.disown(session)
            with contextlib.suppress(TinycodeError):
                client.call("session.close", timeout=_CLOSE_SECONDS, session=session)

    def close(self) -> None:
        """Closes the session for good."""
        with self._starting:
            self.end()
            self._closed = True
            self._client = None  # a daemon that nobody holds ends

    # -- requests

    def call(self, method: str, /, **params: Any) -> Any:
        """The result of a method of this session."""
        self._check(method)
        return self.client.call(method, session=self.ensure(), **params)

    async def acall(self, method: str, /, **params: Any) -> Any:
        """The same for coroutines."""
        self._check(method)
        session = await self.aensure()
        return await self.client.acall(method, session=session, **params)

    async def aensure(self) -> str:
        """`ensure` for coroutines: starting a daemon and a Python does not hold up the event loop."""
        if self._id is not None:
            return self._id
        return await asyncio.get_running_loop().run_in_executor(None, self.ensure)

    def perform(self, method: str, on_event: OnEvent, /, **params: Any) -> Any:
        """The result of a method. `on_event` is given the session's events until then, in this thread."""
        self._check(method)
        session, client = self.ensure(), self.client
        self._server.context = contextvars.copy_context()
        happenings: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
        stop = client.listen(session, happenings.put)
        try:
            call = client.start(method, session=session, **params)
            # Put by the thread that puts the events, and so after all that belong to the call.
            call.add_done_callback(happenings.put)
            try:
                for happening in iter(happenings.get, call):
                    if happening is not None:
                        on_event(happening)
            except BaseException:
                call.cancel()
                call.settle_within(_SETTLE_SECONDS)  # so that the session is at rest for the caller's next line
                raise
            return call.result()
        finally:
            stop()

    async def aperform(self, method: str, on_event: OnEvent, /, **params: Any) -> Any:
        """The same for coroutines: `on_event` is called in the event loop. Cancelling the task cancels the call."""
        self._check(method)
        session, loop = await self.aensure(), asyncio.get_running_loop()
        client = self.client
        self._server.context = contextvars.copy_context()

        def listener(event: Optional[Event]) -> None:
            if event is not None:
                with contextlib.suppress(RuntimeError):  # the loop has been closed
                    loop.call_soon_threadsafe(on_event, event)

        stop = client.listen(session, listener)
        try:
            return await client.acall(method, session=session, **params)
        finally:
            stop()

    def _check(self, method: str) -> None:
        if method in _WAITS_FOR_STEP and self._id in in_tool_of.get():
            raise InvalidRequest(
                f"a tool cannot call `{method}` on the session whose code called it: each would wait for the other",
                hint="use another agent or executor inside the tool",
            )

    # -- what agents and executors have in common

    def exec(self, code: str) -> ExecResult:
        """Runs code without a model."""
        self._server.context = contextvars.copy_context()
        return ExecResult.from_wire(self.call("exec", code=code))

    async def aexec(self, code: str) -> ExecResult:
        """The same for coroutines."""
        self._server.context = contextvars.copy_context()
        return ExecResult.from_wire(await self.acall("exec", code=code))

    def signals(self) -> List[Signal]:
        """The signals that code gave, oldest first; none before the session is made."""
        if self.id is None:
            return []
        return [Signal.from_wire(signal) for signal in self.call("signals")["signals"]]

    def interrupt(self) -> bool:
        """Stops what runs, from another thread. Says whether something ran."""
        return self.id is not None and bool(self.call("interrupt")["interrupted"])

    def reset(self) -> None:
        """Makes the namespace fresh, if there is one."""
        if self.id is not None:
            self.call("session.reset")

    def register(self, tools: Iterable[Union[Tool[Any], Callable[..., Any]]]) -> List[str]:
        """Adds tools; code that runs later may call them. Returns their names."""
        made = as_tools(tools)
        with self._starting:
            if self._id is not None:
                self._serve(made)
                self.call("tools.register", tools=[tool.to_wire() for tool in made])
            self._tools.update((tool.name, tool) for tool in made)
        return [tool.name for tool in made]

    @property
    def tools(self) -> List[Tool[Any]]:
        """The tools that code may call."""
        return list(self._tools.values())

    def _serve(self, tools: Iterable[Tool[Any]]) -> None:
        assert self._id is not None
        self._server.session = self._id
        self._server.runners.update((tool.name, tool.run) for tool in tools)


def session_options(
    trust_level: Union[TrustLevel, str],
    limits: Union[ExecutionLimits, Mapping[str, Any], None],
    extra_imports: Optional[Iterable[str]],
    cwd: Folder,
    python: Optional[PathLike],
    sandbox: Union[Sandbox, str, None],
    network: Union[Network, str, None],
    name: Optional[str],
) -> Dict[str, Any]:
    """The SessionOptions that agents and executors have in common.

    Raises:
        ValueError, TypeError: one is not as it should be.
    """
    level = one_of(TrustLevel, "trust_level", trust_level)
    if isinstance(extra_imports, str):
        raise TypeError("extra_imports must be a list of names, not a string")
    if isinstance(limits, Mapping):
        limits = ExecutionLimits(**limits)
    options: Dict[str, Any] = {
        "trust_level": level.value,
        "limits": (limits or ExecutionLimits()).to_wire(),
        "extra_imports": list(extra_imports or ()),
        "name": name,
        "cwd": _folder(cwd, level),
        "sandbox": None if sandbox is None else one_of(Sandbox, "sandbox", sandbox).value,
        "network": None if network is None else one_of(Network, "network", network).value,
    }
    if python is not None:
        options["python"] = os.path.abspath(os.path.expanduser(os.fspath(python)))
    elif level is TrustLevel.ISOLATED and sys.executable:
        # The packages that the caller has are those that its agent should have.
        options["python"] = sys.executable
    return {key: value for key, value in options.items() if value is not None}


def _folder(cwd: Folder, level: TrustLevel) -> Optional[str]:
    if cwd is False or cwd is True:
        return None
    if cwd is None:
        # A container is given a copy of the folder, so one that may be large has to be asked for.
        return None if level is TrustLevel.SANDBOXED else os.getcwd()
    return os.path.abspath(os.path.expanduser(os.fspath(cwd)))
