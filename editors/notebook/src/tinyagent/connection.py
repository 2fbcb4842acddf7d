"""One connection to a daemon: requests out, answers and events in.

Two threads serve it. One writes: callers only put messages into its queue, so a call never waits for the
pipe, a Ctrl-C never cuts a message in two, and even a finalizer may send (the threads of tools, which none
of this concerns, write by themselves). One reads: it only hands on, so a
slow tool or callback never holds up an answer. Neither thread knows the `Client`, which can therefore be
collected while they run, and closes the connection then.
"""

from __future__ import annotations

import atexit
import itertools
import logging
import os
import queue
import threading
import weakref
from typing import Any, Dict, Mapping, Optional, Set, Tuple

from .calls import Call, Event, Listener
from .errors import ClientClosed, DaemonDied, TinycodeError, error_of_wire
from .framing import FrameReader, encode
from .pool import ThreadPool
from .toolserver import ToolServer
from .transport import Transport

_log = logging.getLogger("tinyagent")


class Connection:
    """Requests, answers and events over a transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._outgoing: "queue.SimpleQueue[Optional[bytes]]" = queue.SimpleQueue()
        self._sending = threading.Lock()
        self._ids = itertools.count(1)
        self._pending: Dict[int, Call] = {}
        self._listeners: Dict[str, Tuple[Listener, ...]] = {}
        self._listening = threading.RLock()  # a finalizer may interrupt its own thread's `listen`
        self._tools: "weakref.WeakValueDictionary[str, ToolServer]" = weakref.WeakValueDictionary()
        self._sessions: Set[str] = set()
        self._pool = ThreadPool("tinyagent-tool")
        self._ended: Optional[TinycodeError] = None
        self._writer = threading.Thread(target=self._write, name="tinyagent-writer", daemon=True)
        self._reader = threading.Thread(target=self._read, name="tinyagent-reader", daemon=True)
        self._writer.start()
        self._reader.start()

    @property
    def ended(self) -> Optional[TinycodeError]:
        """Why the connection cannot be used any more, or None."""
        return self._ended

    # -- requests

    def start(self, method: str, params: Mapping[str, Any], owner: object = None) -> Call:
        """Sends a request."""
        call = Call(method, next(self._ids), self.cancel, owner)
        message = encode({"jsonrpc": "2.0", "id": call.id, "method": method, "params": params})
        # In this order, and without a lock: if the connection ends in between, either its end finds the
        # call among the pending ones, or it is found to have ended here.
        self._pending[call.id] = call
        if self._ended is not None and self._pending.pop(call.id, None) is not None:
            raise self._ended
        self._outgoing.put(message)
        return call

    def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """Sends a notification, to which there is no answer. Takes no lock: finalizers may call it."""
        if self._ended is None:
            self._outgoing.put(encode({"jsonrpc": "2.0", "method": method, "params": params}))

    def cancel(self, request_id: int) -> None:
        """Asks the daemon to cancel a request."""
        self.notify("$/cancelRequest", {"id": request_id})

    # -- sessions

    def own(self, session: str) -> None:
        """Has the session closed when the connection is."""
        self._sessions.add(session)

    def forget(self, session: str) -> None:
        """Closes a session without waiting. Takes no lock: finalizers may call it."""
        if session in self._sessions:
            self._sessions.discard(session)
            self.notify("session.close", {"session": session})

    def disown(self, session: str) -> None:
        """Leaves the session to itself: somebody has closed it, or wants it to live on."""
        self._sessions.discard(session)

    def serve_tools(self, session: str, tools: ToolServer) -> None:
        """Has the session's calls of tools answered for as long as `tools` is kept by somebody."""
        self._tools[session] = tools

    def listen(self, session: str, listener: Listener) -> None:
        """Tells the listener the session's events. It runs in the reader's thread and must not wait."""
        with self._listening:
            self._listeners[session] = (*self._listeners.get(session, ()), listener)
        if self._ended is not None:
            listener(None)

    def unlisten(self, session: str, listener: Listener) -> None:
        """Ends what `listen` began."""
        with self._listening:
            # Replaced, not changed: the reader may be going through the old one.
            rest = tuple(other for other in self._listeners.get(session, ()) if other != listener)
            if rest:
                self._listeners[session] = rest
            else:
                self._listeners.pop(session, None)

    # -- the end

    def begin_close(self) -> None:
        """Closes the connection without waiting. Takes no lock: finalizers may call it."""
        if self._ended is not None:
            return
        if self._transport.owns_daemon:
            self._outgoing.put(encode({"jsonrpc": "2.0", "id": next(self._ids), "method": "shutdown"}))
            self.notify("exit", {})
        else:
            for session in list(self._sessions):
                self.forget(session)
        self._end(ClientClosed("the client has been closed", hint="make a new client or agent"))
        self._outgoing.put(None)

    def close(self, timeout: float = 5.0) -> None:
        """Closes the connection and waits for it; a daemon of our own is gone afterwards."""
        self.begin_close()
        if threading.current_thread() not in (self._writer, self._reader):
            self._writer.join(timeout)
            self._reader.join(timeout)

    def leave(self) -> None:
        """To be called in a child process after a fork: the connection stays with the parent."""
        hint = "make a new client or agent in this process; the connection stays with the parent"
        self._ended = DaemonDied("this client belongs to the process that this one was forked from", hint=hint)
        self._sessions.clear()
        self._listening = threading.RLock()  # a thread that is not here may hold the old one
        self._transport.leave()

    def _end(self, why: TinycodeError) -> None:
        if self._ended is None:
            self._ended = why
        while self._pending:
            try:
                _, call = self._pending.popitem()
            except KeyError:  # another thread was quicker
                break
            call.settle(error=self._ended)
        for listeners in list(self._listeners.values()):
            for listener in listeners:
                listener(None)

    # -- the threads

    def _write(self) -> None:
        while True:
            data = self._outgoing.get()
            if data is None:
                break
            try:
                with self._sending:
                    self._transport.send(data)
            except (OSError, ValueError):
                break  # the reader finds out why
        self._transport.finish()

    def _read(self) -> None:
        frames = FrameReader(self._transport.receive)
        try:
            while True:
                message = frames.next()
                if message is None:
                    break
                self._handle(message)
                del message  # may be large, and the next one may take long to come
        except OSError:
            pass
        except Exception:
            _log.exception("the daemon sent what is no message")
        if self._ended is None:
            self._end(self._transport.why_ended())
        self._outgoing.put(None)

    def _handle(self, message: Any) -> None:
        if not isinstance(message, dict):
            return
        if message.get("method") == "event":
            self._event(message["params"])
        elif "method" in message:
            if "id" in message:  # a question for an editor, which we are not
                refusal = {"code": -32601, "message": "not an editor"}
                self._outgoing.put(encode({"jsonrpc": "2.0", "id": message["id"], "error": refusal}))
        else:
            self._answer(message)

    def _answer(self, message: Dict[str, Any]) -> None:
        error = message.get("error")
        call = self._pending.pop(message.get("id"), None)  # type: ignore[arg-type]
        if call is None:
            if error and message.get("id") is None:
                _log.error("the daemon could not read a message: %s", error.get("message"))
        elif error is not None:
            call.settle(error=error_of_wire(error))
        else:
            call.settle(message.get("result"))

    def _event(self, event: Event) -> None:
        for listener in self._listeners.get(event["session"], ()):
            try:
                listener(event)
            except Exception:
                _log.exception("a listener failed")
        if event["type"] == "tool.call":
            tools = self._tools.get(event["session"])
            if tools is not None and tools.accepts(event):
                self._pool.submit(lambda: tools.run(event, self._reply))

    def _reply(self, params: Dict[str, Any]) -> None:
        # A notification: the step may have ended meanwhile, and the call with it, which is nobody's error.
        data = encode({"jsonrpc": "2.0", "method": "tools.result", "params": params})
        # Code waits for this, so it does not wait for the writer's thread where it need not.
        if self._outgoing.empty() and self._sending.acquire(blocking=False):
            try:
                self._transport.send(data)
            except (OSError, ValueError):
                pass  # the reader finds out why
            finally:
                self._sending.release()
        else:
            self._outgoing.put(data)


_connections: "weakref.WeakSet[Connection]" = weakref.WeakSet()


def keep_track(connection: Connection) -> None:
    """Has the connection closed at exit, and left alone in forked children."""
    _connections.add(connection)


def _close_all() -> None:
    for connection in list(_connections):
        connection.begin_close()
    for connection in list(_connections):
        connection.close(timeout=4)


def _leave_all() -> None:
    for connection in list(_connections):
        connection.leave()
    _connections.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)
