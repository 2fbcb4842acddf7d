"""A request that has been sent, and streams of events."""

from __future__ import annotations

import concurrent.futures
import queue
import weakref
from typing import Any, Callable, Dict, Iterator, Optional

from .errors import CallTimeout, Cancelled

#: An event of a session, as in the protocol: session, seq, time, type and what belongs to the type.
Event = Dict[str, Any]
#: Is told every event, and None when no more will come. Runs in the reader's thread: must not wait.
Listener = Callable[[Optional[Event]], None]

_SETTLE_SECONDS = 2.0


class Call(concurrent.futures.Future):  # type: ignore[type-arg]  # not subscriptable at run time in 3.8
    """The answer to a request, when it comes. A `concurrent.futures.Future` whose `cancel` asks the daemon.

    After `cancel` the call is not done at once: it ends with `Cancelled` when the daemon has stopped what it
    did, or with its result if that was quicker.
    """

    def __init__(self, method: str, request_id: int, cancel: Callable[[int], None], owner: object) -> None:
        super().__init__()
        self.method = method
        self.id = request_id
        self._ask_to_cancel = cancel
        self._owner = owner  # a client is not collected, and so closed, while an answer is awaited

    def cancel(self) -> bool:
        """Asks the daemon to stop; False if the answer is already here."""
        if self.done():
            return False
        self._ask_to_cancel(self.id)
        return True

    def settle(self, result: Any = None, error: Optional[BaseException] = None) -> None:
        """Gives the answer; a second one is ignored."""
        try:
            if error is not None:
                self.set_exception(error)
            else:
                self.set_result(result)
        except concurrent.futures.InvalidStateError:
            return
        self._owner = None

    def wait(self, timeout: Optional[float] = None) -> Any:
        """The result. An exception in the waiting thread, such as Ctrl-C, cancels the request.

        Raises:
            CallTimeout: it took longer than `timeout` seconds; the request was cancelled.
        """
        try:
            return self.result(timeout)
        except concurrent.futures.TimeoutError:
            if self.done():  # the error is the answer itself
                raise
            self.cancel()
            raise CallTimeout(f"no answer to {self.method} within {timeout} seconds; it was cancelled") from None
        except BaseException:
            if self.cancel():
                # So that the session is at rest when the caller's next line runs.
                self.settle_within(_SETTLE_SECONDS)
            raise

    def settle_within(self, timeout: float) -> bool:
        """Waits for the answer without taking it; says whether it came."""
        return bool(concurrent.futures.wait([self], timeout=timeout).done)

    def was_cancelled(self) -> bool:
        """Whether it ended by being cancelled."""
        return self.done() and isinstance(self.exception(), Cancelled)


class EventStream:
    """The events of a session in order, to iterate over. Ends when it is closed, or the connection is."""

    def __init__(self, listen: Callable[[Listener], Callable[[], None]], owner: object) -> None:
        self._events: "queue.SimpleQueue[Optional[Event]]" = queue.SimpleQueue()
        self._owner = owner
        # The connection knows the queue alone, so that a forgotten stream can be collected.
        self._stop = weakref.finalize(self, listen(self._events.put))
        self._stop.atexit = False
        self._ended = False

    def get(self, timeout: Optional[float] = None) -> Optional[Event]:
        """The next event, or None when no more will come.

        Raises:
            queue.Empty: none came within `timeout` seconds.
        """
        if self._ended:
            return None
        event = self._events.get(timeout=timeout)
        self._ended = event is None
        return event

    def put_end(self) -> None:
        """Ends the stream after the events that have come."""
        self._events.put(None)

    def close(self) -> None:
        """Ends the stream; events that have come can still be read."""
        if self._stop.alive:
            self._stop()
            self._events.put(None)

    def __iter__(self) -> Iterator[Event]:
        while True:
            event = self.get()
            if event is None:
                return
            yield event

    def __enter__(self) -> "EventStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
