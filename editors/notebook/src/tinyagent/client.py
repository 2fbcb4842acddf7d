"""The client: the daemon's methods and events, for scripts, notebooks and the rest of this package."""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import threading
import weakref
from typing import Any, Callable, Dict, Mapping, Optional, Union

from .binary import find_binary
from .calls import Call, Event, EventStream, Listener
from .connection import Connection, keep_track
from .errors import CallTimeout
from .toolserver import ToolServer
from .transport import DaemonProcess, SocketConnection, Transport

_log = logging.getLogger("tinyagent")
_START_SECONDS = 30.0

PathLike = Union[str, "os.PathLike[str]"]


class Client:
    """A connection to a tinycode daemon. May be used from any number of threads and event loops.

    `Client()` starts a daemon of its own, which ends with the client: when it is closed, leaves its `with`
    block, is no longer referenced, or when the process ends, however it does. `Client.connect(socket=...)`
    uses a daemon that serves a Unix socket. `Client.shared()` is the one that agents of a process share.

    Args:
        binary: the daemon's binary; see `find_binary` for where it is looked for otherwise.
        env: the daemon's environment, in place of this process's.
        args: further arguments of `tinycode serve`.
    """

    def __init__(
        self,
        binary: Optional[PathLike] = None,
        *,
        env: Optional[Mapping[str, str]] = None,
        args: "tuple[str, ...]" = (),
        _transport: Optional[Transport] = None,
    ) -> None:
        if _transport is None:
            _transport = DaemonProcess([find_binary(binary), "serve", "--stdio", *args], env)
        self._transport = _transport
        self._connection = Connection(_transport)
        keep_track(self._connection)
        self._finalizer = weakref.finalize(self, self._connection.begin_close)
        self._finalizer.atexit = False  # `connection` closes and waits at exit
        try:
            self._initialize()
        except BaseException:
            self.close()
            raise

    @classmethod
    def connect(cls, *, socket: PathLike) -> "Client":
        """A client of the daemon that serves the Unix socket `socket`.

        Raises:
            DaemonNotFound: there is none.
        """
        return cls(_transport=SocketConnection(os.path.expanduser(os.fspath(socket))))

    @classmethod
    def shared(cls, binary: Optional[PathLike] = None) -> "Client":
        """The client that all share who ask for it. Starts the daemon if none runs.

        It lives for as long as somebody holds it, so hold what is returned.
        """
        path = find_binary(binary)
        with _sharing:
            client = _shared.get(path)
            if client is None or not client.alive:
                client = _shared[path] = cls(path)
            return client

    def _initialize(self) -> None:
        params = {
            "processId": os.getpid(),
            "clientInfo": {"name": "tinyagent"},
            "capabilities": {},
        }
        answer = self._connection.start("initialize", params).wait(_START_SECONDS)
        self._connection.notify("initialized", {})
        #: What the daemon says of itself: name and version.
        self.server_info: Dict[str, Any] = answer.get("serverInfo") or {}

    # -- calls

    def start(self, method: str, /, **params: Any) -> Call:
        """Sends a request and returns at once; the `Call` is a future with the result.

        Raises:
            InvalidParams: a parameter cannot be said in JSON.
            DaemonDied, ClientClosed: the request cannot be sent.
        """
        return self._connection.start(method, params, owner=self)

    def call(self, method: str, /, timeout: Optional[float] = None, **params: Any) -> Any:
        """The result of a method. Waits for it; Ctrl-C cancels the request.

        Raises:
            CallTimeout: it took longer than `timeout` seconds; the request was cancelled.
            TinycodeError: what the daemon answers; see `tinyagent.errors`.
        """
        return self.start(method, **params).wait(timeout)

    async def acall(self, method: str, /, timeout: Optional[float] = None, **params: Any) -> Any:
        """The same for coroutines. Cancelling the task cancels the request."""
        answer = asyncio.wrap_future(self.start(method, **params))
        try:
            return await asyncio.wait_for(answer, timeout)
        except asyncio.TimeoutError:
            raise CallTimeout(f"no answer to {method} within {timeout} seconds; it was cancelled") from None

    # -- events

    def events(self, session: str) -> EventStream:
        """The session's events from now on, to iterate over.

        The client that created a session is sent its events; others have to call `session.attach`, and do so
        after this, so that they miss none.
        """
        connection = self._connection

        def listen(listener: Listener) -> Callable[[], None]:
            connection.listen(session, listener)
            return lambda: connection.unlisten(session, listener)

        return EventStream(listen, owner=self)

    def subscribe(self, session: str, callback: Callable[[Event], object]) -> "Subscription":
        """Calls `callback` with each event of the session, in order, in a thread of its own."""
        return Subscription(self._connection, session, callback)

    def listen(self, session: str, listener: Listener) -> Callable[[], None]:
        """Calls `listener` in the thread that reads, which it must not hold up. Returns what ends it."""
        self._connection.listen(session, listener)
        return lambda: self._connection.unlisten(session, listener)

    # -- sessions

    def serve_tools(self, session: str, tools: ToolServer) -> None:
        """Answers the session's calls of tools for as long as somebody holds `tools`."""
        self._connection.serve_tools(session, tools)

    def own(self, session: str) -> Callable[[], None]:
        """Has the session closed with the client. Returns what closes it without waiting."""
        connection = self._connection
        connection.own(session)
        return lambda: connection.forget(session)

    def disown(self, session: str) -> None:
        """Ends what `own` began: the session lives on."""
        self._connection.disown(session)

    # -- the end

    @property
    def alive(self) -> bool:
        """Whether calls can be made."""
        return self._connection.ended is None

    @property
    def pid(self) -> Optional[int]:
        """The process id of a daemon that was started here."""
        return self._transport.process.pid if isinstance(self._transport, DaemonProcess) else None

    def close(self) -> None:
        """Ends the connection, what waits for answers (`ClientClosed`), and a daemon that was started here."""
        self._connection.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        ended = self._connection.ended
        state = "open" if ended is None else ended.kind
        return f"<Client of tinycode {self.server_info.get('version', '?')}: {state}>"


class Subscription:
    """Events on their way to a callback; `close` ends it."""

    def __init__(self, connection: Connection, session: str, callback: Callable[[Event], object]) -> None:
        self._events: "queue.SimpleQueue[Optional[Event]]" = queue.SimpleQueue()
        self._stop: Callable[[], None] = lambda: connection.unlisten(session, self._events.put)
        connection.listen(session, self._events.put)
        self._thread = threading.Thread(target=self._deliver, args=(callback,), name="tinyagent-events", daemon=True)
        self._thread.start()

    def _deliver(self, callback: Callable[[Event], object]) -> None:
        for event in iter(self._events.get, None):
            try:
                callback(event)
            except Exception:
                _log.exception("a subscriber failed at event %s", event.get("type"))

    def close(self) -> None:
        """No more events; returns when the callback has been given those that came before."""
        self._stop()
        self._events.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_sharing = threading.RLock()
_shared: "weakref.WeakValueDictionary[str, Client]" = weakref.WeakValueDictionary()


def _forget_shared() -> None:
    # In a forked child: the lock may be held by a thread that is not here.
    global _sharing
    _sharing = threading.RLock()
    _shared.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_shared)
