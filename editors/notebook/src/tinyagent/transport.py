"""Bytes to a daemon and back: one that is started here, or one that serves a Unix socket."""

from __future__ import annotations

import collections
import contextlib
import os
import signal
import socket
import subprocess
import threading
from typing import IO, Deque, Mapping, Optional, Sequence

from .errors import DaemonDied, DaemonNotFound, TinycodeError

_STDERR_LINES = 40
_STDERR_LINE = 2000


class Transport:
    """What a connection needs of the way to the daemon."""

    #: Whether the daemon ends with this connection, and its sessions with it.
    owns_daemon = False

    def receive(self, size: int) -> bytes:
        """Waits for bytes; none at the end."""
        raise NotImplementedError

    def send(self, data: bytes) -> None:
        """Sends all of the bytes."""
        raise NotImplementedError

    def finish(self) -> None:
        """Ends the connection, and the daemon if it was started here. Waits until that is done."""
        raise NotImplementedError

    def leave(self) -> None:
        """Closes the descriptors that a fork has copied into this process."""
        raise NotImplementedError

    def why_ended(self) -> TinycodeError:
        """Says why no more bytes come."""
        raise NotImplementedError


class DaemonProcess(Transport):
    """A daemon of our own, over its stdin and stdout."""

    owns_daemon = True

    def __init__(self, command: Sequence[str], env: Optional[Mapping[str, str]] = None) -> None:
        try:
            # A session of its own: Ctrl-C in a terminal is meant for us, who then interrupt what runs.
            self.process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=None if env is None else dict(env),
                start_new_session=True,
            )
        except OSError as error:
            hint = "check that it is the tinycode binary, built for this machine"
            raise DaemonNotFound(f"'{command[0]}' cannot be started: {error.strerror}", hint=hint) from error
        assert self.process.stdin and self.process.stdout and self.process.stderr
        self._stdin, self._stdout, self._stderr = self.process.stdin, self.process.stdout, self.process.stderr
        self._said: Deque[str] = collections.deque(maxlen=_STDERR_LINES)
        self._listener = threading.Thread(
            target=_keep_lines, args=(self._stderr, self._said), name="tinyagent-stderr", daemon=True
        )
        self._listener.start()

    def receive(self, size: int) -> bytes:
        chunk = os.read(self._stdout.fileno(), size)
        if not chunk:
            self._stdout.close()
        return chunk

    def send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._stdin.fileno(), rest) :]

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            self._stdin.close()
        try:
            self.process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def leave(self) -> None:
        for file in (self._stdin, self._stdout, self._stderr):
            with contextlib.suppress(OSError):
                file.close()
        self.process.returncode = 0  # it is the child of another process: nothing to wait for, nothing to warn of

    def why_ended(self) -> TinycodeError:
        try:
            status = self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            what = "the tinycode daemon closed its output"
        else:
            what = f"the tinycode daemon ended {_status(status)}"
        self._listener.join(timeout=1)
        said = self.last_words()
        message = f"{what}; it said:\n{said}" if said else what
        return DaemonDied(message, hint="its sessions are gone: make a new client or agent")

    def last_words(self) -> str:
        """The last lines that the daemon wrote to stderr."""
        return "\n".join(list(self._said))


class SocketConnection(Transport):
    """A connection to a daemon that somebody else has started."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            why = error.strerror or str(error)
            hint = f"start the daemon there: `tinycode serve --socket {path}`"
            raise DaemonNotFound(f"no daemon can be reached at '{path}': {why}", hint=hint) from error

    def receive(self, size: int) -> bytes:
        return self._socket.recv(size)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def finish(self) -> None:
        # Not only closed: the reader's thread is waiting in `recv`, which would go on.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def leave(self) -> None:
        self._socket.close()

    def why_ended(self) -> TinycodeError:
        message = f"the daemon at '{self._path}' closed the connection"
        return DaemonDied(message, hint="connect again; if the daemon still lives, so do its sessions")


def _status(status: int) -> str:
    if status >= 0:
        return f"with exit code {status}"
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:
        return f"by signal {-status}"


def _keep_lines(stream: IO[bytes], lines: Deque[str]) -> None:
    """Reads a stream to its end, so that the writer never waits, and keeps the last lines."""
    rest = b""
    while True:
        try:
            chunk = os.read(stream.fileno(), 1 << 16)
        except (OSError, ValueError):
            return
        if not chunk:
            break
        *whole, rest = (rest + chunk).split(b"\n")
        lines.extend(line[:_STDERR_LINE].decode(errors="replace") for line in whole)
        rest = rest[:_STDERR_LINE]
    if rest:
        lines.append(rest.decode(errors="replace"))
    stream.close()
