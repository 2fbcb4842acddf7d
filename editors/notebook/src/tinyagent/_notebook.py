"""The session that the magics of one kernel share, and how a request of it is waited for.

No threads of its own: the kernel's thread waits in a queue, into which the connection puts events and
the end of the request, so a kernel interrupt arrives at once and time goes on being shown.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import os
import queue
import sys
from typing import Any, Callable, Deque, Dict, List, Mapping, Optional, Tuple

from ._settings import LIMITS, OPTIONS, checked, told
from .calls import Call, Event
from .client import Client
from .errors import InvalidParams, SessionNotFound, TinycodeError

#: Levels in the order in which they are taken where none is asked for.
PREFERRED_LEVELS = ("isolated", "local", "sandboxed")  # only isolated code has the notebook's own packages

_SETTLE_SECONDS = 5.0
_MAX_LATE = 200
_TICK_SECONDS = 0.5


class Interrupted(KeyboardInterrupt):
    """A request was interrupted while it was waited for. `ended` is whether its end has come."""

    def __init__(self, *, ended: bool) -> None:
        super().__init__()
        self.ended = ended


class NotebookSession:
    """One session in one daemon, made when it is first needed, with the settings of the notebook."""

    def __init__(self) -> None:
        self.config: Dict[str, Any] = {}
        self.client: Optional[Client] = None
        self.info: Dict[str, Any] = {}
        self._asked: Dict[str, Any] = {}
        #: The settings that the session was made with.
        self._made_with: Dict[str, Any] = {}
        #: What was printed between two cells by what the first left running.
        self._late: "Deque[Event]" = collections.deque(maxlen=_MAX_LATE)
        self._listens = False

    @property
    def id(self) -> Optional[str]:
        """The session's id; None where there is none."""
        return self.info.get("session")

    @property
    def bounds(self) -> str:
        """What holds the session's code: its level, and sandbox and network where they are not as usual there."""
        level, sandbox, network = (self.info.get(name) for name in ("trust_level", "sandbox", "network"))
        bounds = [str(level)]
        if sandbox not in (None, "workspace"):
            bounds.append(f"sandbox {sandbox}")
        usual = "host" if level == "isolated" and sandbox != "strict" else "none"
        if network not in (None, usual):
            bounds.append(f"network {network}")
        return " · ".join(bounds)

    @property
    def about(self) -> str:
        """What the session is, in few words."""
        not_enforced = [f"not enforced: {what}" for what in self.info.get("not_enforced", ())]
        return " · ".join([self.bounds, str(self.info.get("model")), *not_enforced])

    def ensure(self, *, fresh: bool = False, **asked: Optional[str]) -> bool:
        """Makes the session where there is none; returns whether it did.

        A session is never replaced behind the user's back: its variables would be gone. One that has run
        nothing yet has nothing to lose.

        Raises:
            InvalidParams: something is asked for that cannot be, or that the session is not.
        """
        wanted = {name: checked(name, value) for name, value in asked.items() if value is not None}
        if self.client is not None and not self.client.alive:
            self.forget()
        if self.id and not fresh:
            # The session knows its model and level; it answers the names as they were given.
            differing = {name: value for name, value in wanted.items() if self.info.get(name) != value}
            if not differing:
                return False
            if self._steps():
                name, value = next(iter(differing.items()))
                raise InvalidParams(
                    f"the session's {name} is '{self.info.get(name)}', not '{value}', and stays so",
                    hint="add --fresh for a new session; the variables of this one are lost then",
                )
        client = self._connect()
        options = self._options(client, wanted)
        info = client.call("session.create", **options)
        self.close()
        self.client, self.info = client, info
        self._asked, self._made_with = options, {**self.config, **wanted}
        client.own(info["session"])
        client.listen(info["session"], self._hear)
        return True

    def _hear(self, event: Optional[Event]) -> None:
        if event is not None and event.get("background") and not self._listens:
            self._late.append(event)

    def _connect(self) -> Client:
        socket = self.config.get("socket")
        if self.client is not None and self.client.alive and self._made_with.get("socket") == socket:
            return self.client
        return Client.connect(socket=socket) if socket else Client.shared()

    def _steps(self) -> int:
        assert self.client
        try:
            return int(self.client.call("session.get", session=self.id).get("step", 0))
        except SessionNotFound:
            return 0

    def _options(self, client: Client, wanted: Mapping[str, Any]) -> Dict[str, Any]:
        options: Dict[str, Any] = {
            "name": "notebook",
            "cwd": os.getcwd(),
            "extra_imports": ["*"],
            # The daemon may have been started before the notebook set these.
            "api_key": os.environ.get("OPENAI_API_KEY") or None,
            "base_url": os.environ.get("OPENAI_BASE_URL") or None,
        }
        limits = {name: self.config[name] for name in LIMITS if name in self.config}
        if limits:
            options["limits"] = limits
        options.update({name: self.config[name] for name in OPTIONS if name in self.config})
        options.update(wanted)
        options.setdefault("trust_level", best_level(client))
        if options["trust_level"] == "isolated":
            options.setdefault("python", sys.executable)
        else:
            options.pop("python", None)
        return options

    def configure(self, settings: Mapping[str, Any]) -> bool:
        """Takes settings; returns whether there is a session that they do not reach."""
        for name, value in settings.items():
            if value is None:
                self.config.pop(name, None)
            else:
                self.config[name] = value
        if self.pending and not self._steps():
            self.close()
        return any(name in self.pending for name in settings)

    @property
    def pending(self) -> List[str]:
        """The settings that the session was made without, or with another value: they are for the next one."""
        if not self.id or self.client is None or not self.client.alive:
            return []
        names = dict.fromkeys([*self.config, *self._made_with])
        return [name for name in names if name != "max_steps" and self.config.get(name) != self._made_with.get(name)]

    def forget(self) -> None:
        """Lets go of a session that is gone."""
        self.info, self._asked, self._made_with = {}, {}, {}
        self.client = None
        self._late.clear()

    def close(self) -> None:
        """Closes the session."""
        client, session = self.client, self.id
        self.forget()
        if client is not None and session is not None and client.alive:
            client.disown(session)
            with contextlib.suppress(TinycodeError):
                client.call("session.close", timeout=_SETTLE_SECONDS, session=session)

    def perform(
        self, method: str, feed: Callable[[Event], object], tick: Callable[[], object], **params: Any
    ) -> Dict[str, Any]:
        """Makes a call and hands on the session's events until its answer is here, all in the notebook's words.

        Raises:
            Interrupted: an interrupt came while this waited. What ran in the daemon has ended, and its events
                have been handed on, unless somebody was too impatient for that.
        """
        client, session = self.client, self.id
        assert client and session
        happenings: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
        while self._late:
            feed(told(self._late.popleft()))
        self._listens = True
        stop_listening = client.listen(session, happenings.put)
        pump = functools.partial(_pump, happenings, lambda event: feed(told(event)), tick)
        try:
            call = client.start(method, session=session, **params)
            try:
                # Put by the thread that puts the events, so it comes after all that belong to the call.
                call.add_done_callback(happenings.put)
                pump(call)
            except KeyboardInterrupt:
                ended = self._settle(call, pump)
                if ended and not call.was_cancelled():
                    call.result()  # raises what is worse than an interrupt
                raise Interrupted(ended=ended) from None
            return told(call.result())
        except SessionNotFound:
            self.forget()
            raise
        finally:
            self._listens = False
            stop_listening()

    def _settle(self, call: Call, pump: Callable[[Call], None]) -> bool:
        """Stops what runs and hands on events to its end; says whether that came.

        It does come: the daemon kills what does not stop. Whoever interrupts again waits all the same, for only
        the end tells what is left of the session; a third interrupt leaves.
        """
        for _ in range(2):
            with contextlib.suppress(KeyboardInterrupt):
                self._stop(call)
                pump(call)
                return True
        return False

    def _stop(self, call: Call) -> None:
        assert self.client
        with contextlib.suppress(TinycodeError):
            answer = self.client.call("interrupt", timeout=_SETTLE_SECONDS, session=self.id)
            if answer.get("interrupted") or call.done():
                return
        call.cancel()  # it waits its turn and there is nothing to interrupt yet, or the daemon hangs


def _pump(
    happenings: "queue.SimpleQueue[Any]",
    feed: Callable[[Event], object],
    tick: Callable[[], object],
    call: Call,
) -> None:
    """Hands on events until the call is done."""
    while True:
        try:
            happening = happenings.get(timeout=_TICK_SECONDS)
        except queue.Empty:
            if call.done():  # an interrupt came just when that was taken out of the queue
                return
            tick()
            continue
        if happening is call:
            return
        if happening is not None:
            feed(happening)


def best_level(client: Client) -> str:
    """The first trust level that works here; where none does, the daemon says why when it is asked."""
    levels = client.call("status").get("trust_levels", {})
    return next((level for level in PREFERRED_LEVELS if levels.get(level, {}).get("available")), "isolated")


def settings_of(session: NotebookSession) -> List[Tuple[str, str]]:
    """What `%agent_config` tells: settings, then the session."""
    pending = session.pending
    lines = []
    for name in dict.fromkeys([*session.config, *pending]):
        later = " (for the next session, which --fresh begins)" if name in pending else ""
        lines.append((name, f"{session.config.get(name, 'default')}{later}"))
    if session.id and session.client and session.client.alive:
        lines.append(("session", f"{session.about}, in {session._asked.get('cwd')}"))
    else:
        lines.append(("session", "none yet"))
    return lines
