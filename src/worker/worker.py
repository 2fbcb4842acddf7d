"""Runs the steps of one session.

One file of standard-library Python, embedded in the daemon and sent to a fresh interpreter over a
private socket. The daemon sends a frame for each step; the worker answers with any number of event
frames and exactly one `done`. A frame is a 4-byte big-endian length and that much JSON. What the code
prints goes to file descriptors 1 and 2 as anything does; the socket is never one of 0, 1 and 2, and
no child process inherits it. The code runs in this interpreter: it can break it, in which case the
daemon kills the process and begins a fresh one, but it cannot hang or crash the daemon.
"""

import ast
import base64
import builtins
import faulthandler
import io
import json
import linecache
import os
import select
import signal
import struct
import sys
import traceback
import types
from _thread import allocate_lock, get_ident

THIS_FILE = "<tinycode worker>"
CO_COROUTINE = 0x80  # as in `inspect`, which is slow to import
TOP_LEVEL_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
MAX_FRAME = 32 << 20
MAX_MEMORY_JSON = 64 << 10
MAX_TEXT = 2_000
MAX_SOURCES = 1_000
PATIENCE = 0.05  # seconds after which a thread that waits for an answer looks whether it was stopped
RICH = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
    "_repr_latex_": "text/latex",
}


class Stopped(KeyboardInterrupt):
    """The step was stopped from outside. Not an `Exception`, so that `except Exception` lets it by."""


class Channel:
    """Frames over the private socket. Sending is safe from any thread and is never cut in two."""

    def __init__(self, fd):
        self.fd = fd
        self.encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
        self.encode_any = json.JSONEncoder(
            ensure_ascii=False, allow_nan=False, default=plain
        ).encode
        self.decode = json.JSONDecoder().decode
        self.decode_exact = json.JSONDecoder(parse_int=exact_int).decode
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
        return self.decode(self._read(size).decode("utf-8"))

    def _read(self, size):
        data = bytearray()
        while len(data) < size:
            piece = os.read(self.fd, min(size - len(data), 1 << 20))
            if not piece:
                os._exit(0)  # the daemon is gone
            data += piece
        return bytes(data)

    def send(self, message):
        data = self.encode(message).encode("utf-8", "replace")
        if len(data) > MAX_FRAME:
            raise ValueError(
                "%d bytes are too many to hand over, the limit is %d" % (len(data), MAX_FRAME)
            )
        data = memoryview(struct.pack(">I", len(data)) + data)
        with Whole(self), self.lock:
            while data:
                data = data[os.write(self.fd, data) :]

    def request(self):
        """Waits for the next step."""
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


class Imports:
    """Lets the code import only what is on the list. Guides the model; isolation is not its job.

    It sits in the builtins that only the code's own namespace has, so what an allowed module imports
    itself is not looked at.
    """

    def __init__(self, allowed):
        self.allowed = frozenset(allowed) | {"__future__"}
        self.everything = "*" in self.allowed

    def _allows(self, name):
        while name:
            if name in self.allowed:
                return True
            name = name.rpartition(".")[0]
        return False

    def builtins(self):
        if self.everything:
            return builtins
        real_import = builtins.__import__

        def __import__(name, globals=None, locals=None, fromlist=(), level=0):
            # C code that imports, such as `datetime.strptime`, gives a list and the code's own globals.
            of_c = isinstance(fromlist, list)
            if level == 0 and not of_c and not self._allows(name):
                parts = ["%s.%s" % (name, part) for part in fromlist or ()]
                if not parts or not all(self._allows(part) for part in parts):
                    top = name.partition(".")[0]
                    raise ImportError(
                        "import of '%s' is not allowed; add it to extra_imports" % top, name=top
                    )
            return real_import(name, globals, locals, fromlist, level)

        names = dict(vars(builtins))
        names["__import__"] = __import__
        return names


class Memory:
    """The scratchpad. The daemon holds what JSON can say, this process the objects themselves."""

    def __init__(self, channel):
        self._channel = channel
        self._values = {}

    def store(self, name, value):
        """Keeps a value under a name for later steps and runs."""
        if not isinstance(name, str) or not name:
            raise TypeError("the name must be a non-empty string")
        message = {"event": "memory", "op": "store", "name": name[:MAX_TEXT]}
        found, plain = as_json(self._channel, value)
        if found and len(self._channel.encode(plain)) <= MAX_MEMORY_JSON:
            message["value"] = plain
        else:
            message["repr"] = safe_repr(value)[:MAX_TEXT]
        self._values[name] = value
        self._channel.send(message)

    def recall(self, name, default=None):
        """Returns the value kept under a name, or the default."""
        return self._values.get(name, default)

    def observe(self, text):
        """Notes something worth knowing."""
        self._note("observe", text)

    def fail(self, text):
        """Notes an approach that did not work."""
        self._note("fail", text)

    def _note(self, op, text):
        self._channel.send({"event": "memory", "op": op, "text": safe_str(text)[:MAX_TEXT]})

    def __repr__(self):
        return "<memory: %s>" % (", ".join(sorted(self._values)) or "empty")


class Tools:
    """Functions that the code may call: those of the client, and those that run here."""

    def __init__(self, channel, flush):
        self.channel = channel
        self.flush = flush
        self.specs = {}
        self.functions = {}

    def replace(self, tools):
        before = self.specs
        self.specs = {tool["name"]: tool for tool in tools}
        self.functions = {
            name: self.functions[name] if tool == before.get(name) else self.function(**tool)
            for name, tool in self.specs.items()
        }

    def function(self, name, doc, source):
        inner = self.of_client(name) if source is None else self.from_source(name, source)

        def call(*args, **kwargs):
            try:
                return inner(*args, **kwargs)
            except Exception as error:
                error.__dict__.setdefault("_tinycode_tool", name)  # its description helps the model
                raise

        call.__name__ = call.__qualname__ = name
        call.__doc__ = doc
        call.__module__ = "tools"
        return call

    def of_client(self, name):
        def call(*args, **kwargs):
            message = {"event": "call", "name": name}
            try:
                message.update(args=self.plain(args), kwargs=self.plain(kwargs))
            except MemoryError:
                raise
            except Exception:
                raise self.complaint(name, args, kwargs) from None
            self.flush()
            try:
                answer = self.channel.ask(message)
            except ValueError as error:
                raise ValueError("%s(): %s" % (name, error)) from None
            if answer["error"] is not None:
                raise exception(**answer["error"])
            return answer["value"]

        return call

    def plain(self, value):
        return self.channel.decode_exact(self.channel.encode_any(value))

    def complaint(self, name, args, kwargs):
        for place, value in [*enumerate(args, 1), *kwargs.items()]:
            try:
                self.plain(value)
            except Exception:
                kind = type(value).__name__
                what = "argument %s is a %s, which JSON cannot say" % (place, kind)
                return TypeError("%s(): %s" % (name, what))
        return TypeError("%s(): JSON cannot say its arguments" % name)

    def from_source(self, name, source):
        filename = "<tool %s>" % name
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        module = types.ModuleType(filename)
        try:
            exec(compile(source, filename, "exec", 0, True), module.__dict__)
            return module.__dict__[name]
        except BaseException as error:  # `SystemExit` too, which would end this process
            failed = error

            def call(*args, **kwargs):
                raise RuntimeError("the tool %s could not be loaded: %r" % (name, failed))

            return call


def exception(type, message):
    """An exception of the client's: of the same class where Python has it, else of the same name."""
    known = getattr(builtins, type, None)
    if not (isinstance(known, builtins.type) and issubclass(known, Exception)):
        name = type if type.isidentifier() else "ToolError"
        known = builtins.type(name, (RuntimeError,), {"__module__": "tools"})
    try:
        return known(message)
    except Exception:  # such as UnicodeDecodeError, which wants more than a message
        return RuntimeError("%s: %s" % (type, message))


class Worker:
    """The state of one session, and the loop that runs its steps."""

    def __init__(self, channel):
        self.channel = channel
        self.pid = os.getpid()
        self.fds = [os.dup(1), os.dup(2)]  # `dup` makes them uninheritable
        self.streams = [None, None]
        self.interruptible = False
        self.memory = Memory(channel)
        self.tools = Tools(channel, self.flush)
        self.sources = []
        self.final = None
        self.builtins = builtins
        self.module = types.ModuleType("__main__")
        sys.modules["__main__"] = self.module
        self.names = self.module.__dict__
        faulthandler.enable(file=self.fds[1], all_threads=False)

    def serve(self):
        start = self.channel.receive()
        self.builtins = Imports(start["imports"]).builtins()
        sys.path.insert(0, os.getcwd())
        self.channel.send({"event": "ready"})
        try:
            self.serve_steps()
        except OSError:
            os.write(2, b"the code closed the connection between its Python and tinycode\n")
            os._exit(1)

    def serve_steps(self):
        while True:
            done = self.step(self.channel.request())
            if os.getpid() != self.pid:
                os._exit(0)  # a fork of the code's own came back here
            try:
                self.channel.send(done)
            except (ValueError, RecursionError, MemoryError) as error:
                done.update(value=None, display=[], final=None)
                done["error"] = describe(error, None)
                self.channel.send(done)

    def step(self, request):
        number = request["step"]
        filename = "<step %d>" % number
        self.remember_source(filename, request["code"])
        if request["tools"] is not None:
            self.tools.replace(request["tools"])
        changes = request["memory"]
        if changes["clear"]:
            self.memory._values.clear()
        self.memory._values.update(changes["set"])
        done = {"event": "done", "nonce": request["nonce"], "value": None, "display": []}
        done.update(error=None, final=None, rebound=[])
        given = self.prepare()
        error = None
        try:
            try:
                self.interruptible = True
                value = self.run(request["code"], filename)
                if value is not None:
                    done["value"] = safe_repr(value)[: request["max_text"] + 1]
                    done["display"] = rich(self.channel, value)
            finally:
                self.interruptible = False
        except SystemExit as exit:
            error = exit if exit.code else None
        except BaseException as caught:
            error = caught
        self.channel.stop_pending = False
        if error is not None:
            done["error"] = describe(error, filename)
        elif self.final is not None:
            done["final"] = final(self.channel, *self.final)
        done["rebound"] = [name for name in given if self.names.get(name) is not given[name]]
        self.flush()
        return done

    def prepare(self):
        """Puts right whatever the step before may have broken; returns the names it gave."""
        signal.signal(signal.SIGINT, self.on_interrupt)
        for index, name in enumerate(("stdout", "stderr")):
            os.dup2(self.fds[index], index + 1)
            stream = self.streams[index]
            if stream is None or stream.closed or getattr(sys, name, None) is not stream:
                raw = io.FileIO(index + 1, "w", closefd=False)
                stream = io.TextIOWrapper(
                    io.BufferedWriter(raw), "utf-8", "backslashreplace", line_buffering=True
                )
                self.streams[index] = stream
                setattr(sys, name, stream)
                setattr(sys, "__%s__" % name, stream)
        self.final = None
        given = {
            "final_answer": self.final_answer,
            "memory": self.memory,
            "store": self.memory.store,
            "recall": self.memory.recall,
            "observe": self.memory.observe,
            "uncertain": self.uncertain,
            "explore": self.explore,
            "commit": self.commit,
        }
        given.update(self.tools.functions)
        self.names.update(given)
        self.names["__builtins__"] = self.builtins
        return given

    def run(self, code, filename):
        """Runs the code; returns the value of a last bare expression."""
        tree = compile(code, filename, "exec", ast.PyCF_ONLY_AST | TOP_LEVEL_AWAIT, True)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = ast.Expression(tree.body.pop().value)
        self.evaluate(compile(tree, filename, "exec", TOP_LEVEL_AWAIT, True))
        if last is not None:
            return self.evaluate(compile(last, filename, "eval", TOP_LEVEL_AWAIT, True))
        return None

    def evaluate(self, code):
        value = eval(code, self.names)
        if code.co_flags & CO_COROUTINE:  # it has an `await` outside any function
            import asyncio

            value = asyncio.run(value)
        return value

    def flush(self):
        """Lets all that was printed out, so that the daemon has it before it has `done`."""
        for stream in (getattr(sys, "stdout", None), getattr(sys, "stderr", None)):
            if not any(stream is ours for ours in self.streams):  # perhaps on top of ours
                try:
                    stream.flush()
                except Stopped:
                    raise
                except BaseException:
                    pass
        for index, stream in enumerate(self.streams):
            try:
                stream.flush()
            except Exception:
                self.drop_stream(index)
        if "ctypes" in sys.modules:  # then C code may have printed into a buffer of its own
            try:
                sys.modules["ctypes"].CDLL(None).fflush(None)
            except Exception:
                pass

    def drop_stream(self, index):
        """Gives a stream up with what it holds, so that this does not turn up in a later step."""
        try:
            self.streams[index].buffer.raw.close()
        except Exception:
            pass
        self.streams[index] = None

    def on_interrupt(self, _number, _frame):
        if os.getpid() != self.pid:
            os._exit(130)
        if self.channel.busy:
            self.channel.stop_pending = self.interruptible
        elif self.interruptible:
            raise Stopped()

    def remember_source(self, filename, code):
        """Lets tracebacks show the lines of the latest steps."""
        lines = code.splitlines(keepends=True)
        linecache.cache[filename] = (len(code), None, lines, filename)
        self.sources.append(filename)
        if len(self.sources) > MAX_SOURCES:
            linecache.cache.pop(self.sources.pop(0), None)

    def final_answer(self, value=None):
        """Gives the answer to the task; the run ends with this block."""
        self.final = (value,)

    def uncertain(self, message=""):
        """Says that you are not sure."""
        self._signal("uncertain", message)

    def explore(self, message=""):
        """Says that you are trying something out."""
        self._signal("explore", message)

    def commit(self, message=""):
        """Says that you have made up your mind."""
        self._signal("commit", message)

    def _signal(self, kind, message):
        self.flush()
        text = safe_str(message)[:MAX_TEXT]
        # Waits until it has been noted, so that what is printed next does not overtake it.
        self.channel.ask({"event": "signal", "kind": kind, "message": text})


def plain(value):
    """Scalars and arrays of numpy as what they stand for."""
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError("not JSON")


def exact_int(digits):
    """Integers of 64 bits; larger ones would come out as something near them."""
    if len(digits) > 18 and not -(2**63) <= int(digits) < 2**64:
        raise OverflowError
    return int(digits)


def as_json(channel, value):
    """Whether JSON can say the value, and the value as JSON says it."""
    try:
        return True, channel.decode_exact(channel.encode_any(value))
    except Exception:
        return False, None


def final(channel, value):
    found, said = as_json(channel, value)
    text = safe_str(value)
    return {"value": said if found else safe_repr(value), "text": text}


def rich(channel, value):
    """What a notebook would show of the value beside its `repr`."""
    data = {}
    if isinstance(value, type):
        return []
    for method, mime in RICH.items():
        try:
            shown = getattr(value, method)() if hasattr(value, method) else None
        except Exception:
            continue
        if isinstance(shown, bytes):
            shown = base64.b64encode(shown).decode("ascii")
        if isinstance(shown, str) and len(shown) <= MAX_FRAME // 16:
            data[mime] = shown
    return [data] if data else []


def safe_repr(value):
    try:
        return repr(value)
    except Exception as error:
        return "<%s whose repr failed: %s>" % (type(value).__name__, type(error).__name__)


def safe_str(value):
    try:
        return str(value)
    except Exception:
        return safe_repr(value)


def describe(error, filename):
    """An exception as the daemon is told it: with the code's own lines and none of this file's."""
    try:
        report = traceback.TracebackException.from_exception(error)
        seen = set()
        hide_this_file(report, seen)
        text = "".join(report.format())
    except Exception:
        text = "%s (its traceback cannot be shown)" % type(error).__name__
    message = safe_str(error)
    if isinstance(error, SyntaxError):
        message = error.msg or message
    return {
        "type": type(error).__name__,
        "message": message[:10_000],
        "traceback": text if len(text) <= 20_000 else text[:10_000] + "\n...\n" + text[-10_000:],
        "line": line_of(error, filename),
        "tool": getattr(error, "_tinycode_tool", None),
    }


def hide_this_file(report, seen):
    if report is None or id(report) in seen:
        return
    seen.add(id(report))
    report.stack[:] = [frame for frame in report.stack if frame.filename != THIS_FILE]
    hide_this_file(report.__cause__, seen)
    hide_this_file(report.__context__, seen)
    for inner in getattr(report, "exceptions", None) or ():
        hide_this_file(inner, seen)


def line_of(error, filename):
    """The innermost line of the step's own code that the error went through."""
    if isinstance(error, SyntaxError) and error.filename == filename:
        return error.lineno
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def main(fd):
    high = os.dup(fd)  # away from 0, 1 and 2, and not inherited by children
    os.close(fd)
    Worker(Channel(high)).serve()
