"""Runs a session in a Python process of its own.

Embedded in the daemon and sent to a fresh interpreter over a private socket. The daemon sends a frame
for each step and query; this answers with any number of event frames and exactly one `done` or `told`.
A frame is a 4-byte big-endian length and that much JSON. What the code prints goes to file descriptors 1
and 2 as anything does; the socket is never one of 0, 1 and 2, and no child process inherits it. The code
runs in this interpreter: it can break it, in which case the daemon kills the process and begins a fresh
one, but it cannot hang or crash the daemon.
"""

import _signal as signal  # `signal` makes enums of all numbers, which is slow and, after a fork, costs memory
import errno
import faulthandler
import io
import os
import select
import struct
import sys
from _thread import _count as count_threads
from _thread import allocate_lock, get_ident, get_native_id

from tinycode_session import Imports, Session, Stopped, Streams
from tinycode_values import HIDDEN, cause_of, context_of, decode, encode_frame, numbered

CALL = signal.SIGUSR1
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PAGE = os.sysconf("SC_PAGE_SIZE")
fork, listdir = os.fork, os.listdir  # the code may put others in their place
write_pipe = io.FileIO.write
MAX_LINE = 8_000  # characters of a line that is said as a whole
PAUSE = 0.005  # seconds without a step, after which there is time for a rehearsal
REHEARSAL = """def f(n):
    return n + 1
x = [f(n) for n in (1, 2)]
y = {"a": x}
f"{y}"
"""
# Modules in which threads wait for work, and those that they use for it.
POOLS = ("concurrent.futures.thread", "multiprocessing.pool", "concurrent.futures._base", "threading", "queue")
PATIENCE = 0.05  # seconds after which a thread that waits for an answer looks whether it was stopped
MAX_CAUSES = 20
REFUSED = {errno.EPERM, errno.EACCES, errno.EROFS}
# What connections end in where there is no network: no way there, nobody there, no such name.
OFF_LINE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ECONNREFUSED, -2, -3}
HIDDEN.add(__file__)
# What Python itself keeps of an exception, whatever the code's own attributes say.
errno_of = OSError.__dict__["errno"].__get__
filename_of = OSError.__dict__["filename"].__get__
args_of = BaseException.__dict__["args"].__get__


class Channel:
    """Frames over the private socket. Sending is safe from any thread and is never cut in two."""

    def __init__(self, fd):
        self.fd = fd
        self.socket = self.identity()
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

    def identity(self):
        stat = os.fstat(self.fd)
        return stat.st_dev, stat.st_ino

    def is_whole(self):
        """Whether the descriptor is still the socket. The daemon cannot tell: the copies hold it too."""
        return self.identity() == self.socket

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

    def ask(self, text):
        """Sends a JSON object that the daemon answers, and waits for the answer, for as long as the step
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

        self.write(numbered(text, number))
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
            if frame["op"] == "step":
                self.step += 1
                self.answers.clear()  # those that their step did not wait for
            self.requests.append(frame)
            for number in list(self.turns):
                self.wake(number)

    def begin_anew(self, mark):
        """Takes the channel over from a process that was killed, perhaps in the middle of a frame, which
        the mark separates from what follows, both ways."""
        self.lock, self.reading = allocate_lock(), allocate_lock()
        self.turns, self.answers, self.requests = {}, {}, []
        self.busy = self.stop_pending = False
        self.main = get_ident()
        seen = b""
        while not seen.endswith(mark):
            seen = seen[-len(mark) :] + self._read(1)
        os.write(self.fd, mark)

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


class Stream(io.TextIOWrapper):
    """A standard stream. It writes in C alone, so that no stop comes between a write and what is known of it."""


class Shared(Stream):
    """What a standard stream is while threads of earlier steps run: what they print is not the step's, and goes by
    itself, a line at a time, as `print` writes what ends one by itself."""

    def write(self, text):
        if not self.streams.is_background():
            return super().write(text)
        begun = self.streams.begun
        place = get_ident(), self.said
        begun[place] = line = begun.pop(place, "") + text
        if line.endswith("\n") or len(line) > MAX_LINE:
            self.flush_aside()
        return len(text)

    def flush(self):
        return self.flush_aside() if self.streams.is_background() else super().flush()

    def flush_aside(self):
        text = self.streams.begun.pop((get_ident(), self.said), "")
        if text:
            self.streams.channel.send({"event": "output", "stream": self.said, "text": text})


def waiting_for_work():
    """The threads of executors and pools that have nothing to do: they are in no code but that of these modules."""
    try:
        threads = sys.modules["threading"]._active
        modules = [sys.modules[name] for name in POOLS if name in sys.modules]
        files = {module.__file__ for module in modules}
        loops = [getattr(module, name, None) for module in modules for name in ("_worker", "worker")]
        loops = {loop.__code__ for loop in loops if loop is not None}

        def waits(frame):
            while frame.f_code not in loops and frame.f_code.co_filename in files and frame.f_back:
                frame = frame.f_back
            return frame.f_code in loops

        frames = sys._current_frames().items()
        return {threads[ident].native_id for ident, frame in frames if ident in threads and waits(frame)}
    except Exception:  # the code has changed one of them
        return set()


class OwnStreams(Streams):
    """Standard streams on descriptors that the code may close or replace: it has its own only for a
    step."""

    text = Stream

    def __init__(self, channel):
        super().__init__()
        self.channel = channel
        self.forget_threads()
        self.fds = [os.dup(1), os.dup(2)]  # `dup` makes them uninheritable

    def forget_threads(self):
        self.pid = os.getpid()
        self.background = set()  # threads that earlier steps left running
        self.begun = {}  # lines that they have not ended

    def restore(self):
        for index, fd in enumerate(self.fds):
            os.dup2(fd, index + 1)
        if self.background:
            super().flush()  # what they have begun, and which waits for whoever is in the middle of a write
            self.channel.ask('{"event": "begun"}')
        self.streams = [stream if type(stream) in (Stream, Shared) else None for stream in self.streams]
        super().restore()
        for stream, said in zip(self.streams, ("stdout", "stderr")):
            stream.streams, stream.said = self, said
        self.share()

    def share(self):
        """Makes the streams what they are to be, for those too who have kept one."""
        for stream in self.streams:
            if type(stream) in (Stream, Shared):
                stream.__class__ = Shared if self.background else Stream

    def is_background(self):
        return get_native_id() in self.background and os.getpid() == self.pid

    def note_threads(self):
        """Takes the threads that there are now for those of earlier steps, but for such as wait for work: whoever gives
        them some waits for what they print. Says whether there are any."""
        found = set()
        if count_threads():
            try:
                found = {int(name) for name in listdir("/proc/self/task")} - {get_native_id()} - waiting_for_work()
            except OSError:
                pass  # then what they print counts as the step's
        self.background = found  # at once: they go on meanwhile
        self.share()
        return bool(self.background)

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
        super().__init__(channel, OwnStreams(channel), namespace)
        self.pid = os.getpid()
        self.copies = set()
        self.orders = select.poll()  # that of the channel may be in use by a thread that waits
        self.orders.register(channel.fd, select.POLLIN)
        faulthandler.enable(file=self.streams.fds[1], all_threads=False)

    def serve(self):
        start = self.channel.receive()
        self.imports = Imports(start["imports"])
        self.refusals = start["refusals"]
        self.builtins = self.imports.builtins()
        sys.path.insert(0, os.getcwd())
        self.channel.send({"event": "ready"})
        try:
            while True:
                signal.signal(signal.SIGINT, self.on_interrupt)  # which may come before a step has begun
                order = self.channel.request()
                if order["op"] == "exit":
                    return
                if order["op"] == "keep":
                    self.keep(b"\n%s\n" % order["token"].encode())
                    continue
                done = self.handle(order)
                if os.getpid() != self.pid:
                    os._exit(0)  # a fork of the code's own came back here
                self.channel.stop_pending = False
                if not self.channel.is_whole():
                    raise OSError
                self.channel.write(done)
        except OSError:
            os.write(2, b"the code closed the connection between its Python and tinycode\n")
            os._exit(1)

    def keep(self, mark):
        """Leaves a copy of this process behind, which waits to take its place. One that did so leaves the
        next copy behind."""
        while True:
            state = random_state()
            # Until the copy listens for the one, and does not heed the other.
            signals = signal.pthread_sigmask(signal.SIG_BLOCK, (CALL, signal.SIGINT))
            try:
                copy = fork()
            except OSError:
                copy = None
            if copy != 0:
                signal.pthread_sigmask(signal.SIG_SETMASK, signals)
                self.reap()
                self.copies.update([copy] if copy else [])
                self.channel.send({"event": "kept", "pid": copy, "memory": memory()})
                if copy and not self.orders.poll(PAUSE * 1_000):
                    self.rehearse()
                return
            self.pid = os.getpid()
            self.copies = set()
            self.streams.forget_threads()
            self.wait_for_call(signals)
            random_state(state)  # forks are seeded anew
            self.channel.begin_anew(mark)

    def rehearse(self):
        """Does what every step does, but with names of its own. After a fork each page has to be copied when
        something is first written to it, which takes longer than a short step does: better now than when
        somebody waits."""
        names, self.names = self.names, {"__builtins__": self.builtins}
        try:
            self.names.update(self.given())
            request = decode(encode_frame({"op": "step", "code": REHEARSAL, "tools": None}))
            self.run(request["code"], "<rehearsal>")
        except Exception:
            pass
        finally:
            self.names = names

    def reap(self):
        """Lets go of the copies that are no longer wanted."""
        for copy in list(self.copies):
            try:
                if os.waitpid(copy, os.WNOHANG)[0]:
                    self.copies.discard(copy)
            except ChildProcessError:
                self.copies.discard(copy)

    def wait_for_call(self, signals):
        """Waits until the daemon wants this process. The channel belongs to another one meanwhile."""
        receive, send = os.pipe()
        os.set_blocking(send, False)
        fd_before = signal.set_wakeup_fd(send, warn_on_full_buffer=False)
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
        call = signal.signal(CALL, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (CALL,))
        ready = select.poll()
        ready.register(receive, select.POLLIN)
        ready.register(self.channel.fd, 0)  # its end is always told
        called = False
        while not called:
            for fd, _ in ready.poll():
                if fd != receive:
                    os._exit(0)  # the daemon is gone
                called = CALL in os.read(receive, 4096)
        signal.set_wakeup_fd(fd_before, warn_on_full_buffer=False)
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)
        for number, handler in ((signal.SIGINT, interrupt), (CALL, call)):
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        os.close(receive)
        os.close(send)
        belong_to_daemon()

    def describe(self, error, filename):
        described = super().describe(error, filename)
        why = refusal(error, self.refusals)
        if why:
            described["message"] = ("%s. %s" % (described["message"].rstrip("."), why)).lstrip(". ")
            described["traceback"] = "%s\n%s\n" % (described["traceback"].rstrip("\n"), why)
        return described

    def on_interrupt(self, number, frame):
        if os.getpid() != self.pid:
            os._exit(130)
        if self.channel.busy:
            self.channel.stop_pending = self.interruptible
        else:
            super().on_interrupt(number, frame)


def refusal(error, sentences):
    """What an exception is explained with that the sandbox may have caused, or that was raised because of one."""
    for _ in range(MAX_CAUSES):
        kind, number = type(error), None
        if issubclass(kind, OSError):
            number = errno_of(error)
            number = number if type(number) is int else None
        if issubclass(kind, MemoryError):
            return sentences["memory"]
        if number in REFUSED or number == errno.ENOENT:
            why = why_refused(number, filename_of(error), sentences)
            if why:
                return why
        if issubclass(kind, RuntimeError) and says(error, "can't start new thread"):
            return sentences["processes"]
        if issubclass(kind, BlockingIOError) and number == errno.EAGAIN and filename_of(error) is None:
            return sentences["processes"]
        if number in OFF_LINE and sentences["network"]:
            return sentences["network"]
        cause = cause_of(error)
        error = context_of(error) if cause is None else cause
        if error is None:
            break
    return ""


def why_refused(number, path, sentences):
    if is_below(path, sentences["covered"]) and not is_below(path, sentences["shown"]):
        return sentences["unseen"]
    if number == errno.ENOENT or is_below(path, sentences["writable"]):
        return ""
    return sentences["rights" if path is None else "access"]


def is_below(path, beginnings):
    """Whether a path that an exception names begins with one of these."""
    if type(path) is bytes:
        path = os.fsdecode(path)
    if type(path) is not str:
        return False
    try:
        path = os.path.abspath(path)
    except Exception:  # the code has put something in its place, or has no folder any more
        return False
    return any(path.startswith(beginning) for beginning in beginnings)


def says(error, text):
    args = args_of(error)
    return len(args) == 1 and type(args[0]) is str and args[0] == text


def random_state(state=None):
    """Takes the state of `random`, or puts it back."""
    random = sys.modules.get("random")
    try:
        return random.setstate(state) if state else random and random.getstate()
    except Exception:  # the code has changed the module
        return None


def memory():
    """Bytes of memory that this process has."""
    try:
        fd = os.open("/proc/self/statm", os.O_RDONLY)
        try:
            return int(os.read(fd, 256).split()[1]) * PAGE
        finally:
            os.close(fd)
    except (OSError, ValueError):
        return 0


def belong_to_daemon():
    """Ends this process with the daemon, and keeps below it what it starts, as it is with the process that
    the daemon started itself."""
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except Exception:
        pass  # a Python without it: then it ends when it next listens to the daemon


def main(fd, namespace):
    high = os.dup(fd)  # away from 0, 1 and 2, and not inherited by children
    os.close(fd)
    Process(Channel(high), namespace).serve()
