"""Runs a session in a Python process of its own.

Embedded in the daemon and sent to a fresh interpreter over a private socket. The daemon sends a frame
for each step and query; this answers with any number of event frames and exactly one `done` or `told`.
A frame is a 4-byte big-endian length and that much JSON. What the code prints goes to file descriptors 1
and 2 as anything does; the socket is never one of 0, 1 and 2, and no child process inherits it. The code
runs in this interpreter: it can break it, in which case the daemon kills the process and begins a fresh
one, but it cannot hang or crash the daemon.
"""

import faulthandler
import os
import select
import struct
import sys
from _thread import allocate_lock, get_ident

import tinycode_session
from tinycode_session import Imports, Session, Stopped, Streams, decode, encode_frame

PATIENCE = 0.05  # seconds after which a thread that waits for an answer looks whether it was stopped
tinycode_session.HIDDEN.add(__file__)


class Channel:
    """Frames over the private socket. Sending is safe from any thread and is never cut in two."""

    def __init__(self, fd):
        self.fd = fd
        self.lock = allocate_lock()
        self.reading = allocate_lock()
        self.readable = select.poll()
        self.readable.register(fd, select.POLLIN)
        self.asked = 0
        self.answers = {}
        self.turns = {}
        self.requests = []
        self.step = 0  # number of the steps that have come
        self.main = get_ident()
        self.busy = False
        self.stop_pending = False

    def receive(self):
        (size,) = struct.unpack(">I", self._read(4))
        return decode(self._read(size))

    def _read(self, size):
        data = bytearray()
        while len(data) < size:
            piece = os.read(self.fd, min(size - len(data), 1 << 20))
            if not piece:
                os._exit(0)  # the daemon is gone
            data += piece
        return bytes(data)

    def send(self, message):
        self.write(encode_frame(message))

    def write(self, frame):
        data = memoryview(struct.pack(">I", len(frame)) + frame)
        with Whole(self), self.lock:
            while data:
                data = data[os.write(self.fd, data) :]

    def request(self):
        """Waits for the next step or query."""
        return self.wait(0, lambda: self.requests.pop() if self.requests else None, -1)

    def ask(self, message):
        """Sends a message that the daemon answers, and waits for the answer, for as long as the step
        goes on. Safe from any thread."""
        with self.lock:
            self.asked += 1
            number = self.asked
        step = self.step

        def answer():
            found = self.answers.pop(number, None)
            if found is None and step != self.step:
                raise RuntimeError("the step that this thread belongs to has ended")
            return found

        self.send(dict(message, call=number))
        return self.wait(number, answer, PATIENCE if get_ident() == self.main else -1)

    def wait(self, number, ready, patience):
        """Waits until `ready` has something. One thread reads what comes for all that wait."""
        turn = allocate_lock()
        turn.acquire()
        self.turns[number] = turn
        with Whole(self) as whole:
            try:
                while True:
                    found = ready()
                    if found is not None or whole.is_stopped():
                        return found
                    if not self.reading.acquire(False):
                        turn.acquire(True, patience)
                        continue
                    try:
                        found = ready()  # another may have read it just now
                        if found is not None:
                            return found
                        if self.readable.poll(patience * 1_000):
                            self.take()
                    finally:
                        self.reading.release()
            finally:
                del self.turns[number]
                self.wake()  # somebody else has to read now

    def take(self):
        """Reads a frame and keeps it for whoever waits for it."""
        frame = self.receive()
        if frame["op"] == "answer":
            self.answers[frame["call"]] = frame
            self.wake(frame["call"])
        else:
            self.step += 1
            self.answers.clear()  # those that their step did not wait for
            self.requests.append(frame)
            for number in list(self.turns):
                self.wake(number)

    def wake(self, number=None):
        """Has a thread that waits look again: this one, or any."""
        turns = list(self.turns.values()) if number is None else [self.turns.get(number)]
        if turns and turns[0] is not None:
            try:
                turns[0].release()
            except RuntimeError:
                pass  # it does so already


class Whole:
    """What the main thread does in it is not cut in two: a stop that comes meanwhile comes after it."""

    def __init__(self, channel):
        self.channel = channel
        self.main = get_ident() == channel.main

    def __enter__(self):
        if self.main:
            self.channel.busy = True
        return self

    def is_stopped(self):
        return self.main and self.channel.stop_pending

    def __exit__(self, *_):
        if self.main:
            self.channel.busy = False
            if self.channel.stop_pending:
                self.channel.stop_pending = False
                raise Stopped()


class OwnStreams(Streams):
    """Standard streams on descriptors that the code may close or replace: it has its own only for a
    step."""

    def __init__(self):
        super().__init__()
        self.fds = [os.dup(1), os.dup(2)]  # `dup` makes them uninheritable

    def restore(self):
        for index, fd in enumerate(self.fds):
            os.dup2(fd, index + 1)
        super().restore()

    def flush(self):
        super().flush()
        if "ctypes" in sys.modules:  # then C code may have printed into a buffer of its own
            try:
                sys.modules["ctypes"].CDLL(None).fflush(None)
            except Exception:
                pass


class Process(Session):
    """The session of this process, and the loop that runs its steps."""

    def __init__(self, channel, namespace):
        super().__init__(channel, OwnStreams(), namespace)
        self.pid = os.getpid()
        faulthandler.enable(file=self.streams.fds[1], all_threads=False)

    def serve(self):
        start = self.channel.receive()
        self.imports = Imports(start["imports"])
        self.builtins = self.imports.builtins()
        sys.path.insert(0, os.getcwd())
        self.channel.send({"event": "ready"})
        try:
            while True:
                done = self.handle(self.channel.request())
                if os.getpid() != self.pid:
                    os._exit(0)  # a fork of the code's own came back here
                self.channel.stop_pending = False
                self.channel.write(done)
        except OSError:
            os.write(2, b"the code closed the connection between its Python and tinycode\n")
            os._exit(1)

    def on_interrupt(self, number, frame):
        if os.getpid() != self.pid:
            os._exit(130)
        if self.channel.busy:
            self.channel.stop_pending = self.interruptible
        else:
            super().on_interrupt(number, frame)


def main(fd, namespace):
    high = os.dup(fd)  # away from 0, 1 and 2, and not inherited by children
    os.close(fd)
    Process(Channel(high), namespace).serve()
