"""What the Python of a session does with a step, wherever it runs.

Standard library only. It needs a channel to the daemon, with `send(message)`, which wants no answer, and
`ask(text)`, which sends a JSON object and waits for one; and standard streams. The code runs in this interpreter and can
break it: whoever runs the interpreter has to cope with that.
"""

import _signal as signal  # `signal` makes enums of all numbers, at every step
import ast
import builtins
import io
import linecache
import sys
import types
from _thread import get_ident

from tinycode_values import HIDDEN, MAX_NAME, Stopped, as_json, describe, encode, encode_exactly, encode_frame
from tinycode_values import final, is_clean_exit, rich, safe_repr, safe_str, type_name

CO_COROUTINE = 0x80  # as in `inspect`, which is slow to import
TOP_LEVEL_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
MAX_MEMORY_JSON = 64 << 10
MAX_TEXT = 2_000
MAX_SOURCES = 1_000
NESTING = 1_000  # calls, which Python allows unless told otherwise
HIDDEN.add(__file__)


class Imports:
    """Lets the code import only what is on the list. Guides the model; isolation is not its job.

    It sits in the builtins that only the code's own namespace has, so what an allowed module imports
    itself is not looked at.
    """

    def __init__(self, allowed):
        self.allowed = frozenset(allowed) | {"__future__"}
        self.everything = "*" in self.allowed

    def allows(self, name):
        while name:
            if name in self.allowed:
                return True
            name = name.rpartition(".")[0]
        return False

    def builtins(self):
        if self.everything:
            return builtins
        return dict(vars(builtins), __import__=self.importer())

    def importer(self):
        real_import = builtins.__import__

        def __import__(name, globals=None, locals=None, fromlist=(), level=0):
            # C code that imports, such as `datetime.strptime`, gives a list and the code's own globals.
            of_c = isinstance(fromlist, list)
            if level == 0 and not of_c and not self.allows(name):
                parts = ["%s.%s" % (name, part) for part in fromlist or ()]
                if not parts or not all(self.allows(part) for part in parts):
                    top = name.partition(".")[0]
                    what = "import of '%s' is not allowed; add it to extra_imports" % top[:MAX_NAME]
                    raise ImportError(what, name=top)
            return real_import(name, globals, locals, fromlist, level)

        return __import__


class Voice:
    """The channel as the code has it: closed to what only looks at its objects."""

    def __init__(self, channel):
        self._channel = channel
        self.closed_to = None  # a thread

    def send(self, message):
        self._check()
        self._channel.send(message)

    def ask(self, text):
        self._check()
        return self._channel.ask(text)

    def _check(self):
        if get_ident() == self.closed_to:
            raise RuntimeError("this cannot be done while variables are only looked at")


class Nowhere(io.TextIOBase):
    """A stream for what nobody wants to see."""

    def write(self, text):
        return len(text)


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
        found, plain = as_json(value)
        if found and len(encode(plain)) <= MAX_MEMORY_JSON:
            message["value"] = plain
        else:
            message["repr"] = safe_repr(value)[:MAX_TEXT]
        self._channel.send(message)
        self._values[name] = value

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
            try:
                text = encode_exactly({"event": "call", "name": name, "args": args, "kwargs": kwargs})
            except MemoryError:
                raise
            except Exception:
                raise self.complaint(name, args, kwargs) from None
            self.flush()
            try:
                answer = self.channel.ask(text)
            except ValueError as error:
                raise ValueError("%s(): %s" % (name, error)) from None
            if answer["error"] is not None:
                raise exception(**answer["error"])
            return answer["value"]

        return call

    def complaint(self, name, args, kwargs):
        for place, value in [*enumerate(args, 1), *kwargs.items()]:
            try:
                encode_exactly(value)
            except Exception:
                place = str(place)[:MAX_NAME]
                what = "argument %s is a %s, which JSON cannot say" % (place, type_name(value))
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


class Streams:
    """The standard streams that a step finds, over descriptors 1 and 2."""

    text = io.TextIOWrapper

    def __init__(self):
        self.streams = [None, None]

    def restore(self):
        """Puts right what the step before may have broken."""
        for index, name in enumerate(("stdout", "stderr")):
            stream = self.streams[index]
            if not is_open(stream) or getattr(sys, name, None) is not stream:
                stream = self.text(self.open(index), "utf-8", "backslashreplace", line_buffering=True)
                self.streams[index] = stream
                setattr(sys, name, stream)
                setattr(sys, "__%s__" % name, stream)

    def open(self, index):
        return io.BufferedWriter(io.FileIO(index + 1, "w", closefd=False))

    def flush(self):
        """Lets all that was printed out, so that the daemon has it before it has `done`."""
        stdout, stderr = self.streams
        for stream in (getattr(sys, "stdout", None), getattr(sys, "stderr", None)):
            if stream is not stdout and stream is not stderr:  # perhaps on top of ours
                try:
                    stream.flush()
                except Stopped:
                    raise
                except BaseException:
                    pass
        for index, stream in enumerate(self.streams):
            try:
                stream.flush()
            except BaseException:  # the code may have put methods of its own into it
                self.drop(index)

    def note_threads(self):
        """Whether the step left threads running."""
        return False

    def drop(self, index):
        """Gives a stream up with what it holds, so that this does not turn up in a later step."""
        try:
            self.streams[index].buffer.raw.close()
        except BaseException:
            pass
        self.streams[index] = None


def is_open(stream):
    try:
        return stream is not None and not stream.closed
    except BaseException:  # the code detached what is below, or put something of its own there
        return False


class Session:
    """The state of one session, and how a step is run in it. `namespace` gives the module that answers
    queries."""

    def __init__(self, channel, streams, namespace):
        self.channel = channel
        self.voice = Voice(channel)
        self.streams = streams
        self.namespace = namespace
        self.interruptible = False
        self.memory = Memory(self.voice)
        self.tools = Tools(self.voice, streams.flush)
        self.sources = []
        self.final = None
        self.imports = Imports(())
        self.builtins = builtins
        self.module = types.ModuleType("__main__")
        sys.modules["__main__"] = self.module
        self.names = self.module.__dict__

    def handle(self, request):
        """Runs a step or answers a query; returns the frame that ends it."""
        return self.query(request) if request["op"] == "query" else self.step(request)

    def query(self, request):
        """Answers what is asked about the names. It leaves no trace, but for what a `repr` of the code's
        own does."""
        signal.signal(signal.SIGINT, self.on_interrupt)
        streams = getattr(sys, "stdout", None), getattr(sys, "stderr", None)
        sys.stdout = sys.stderr = Nowhere()
        self.voice.closed_to = get_ident()
        about = self.names, self.builtins, self.given(), self.imports, Stopped, self.settle
        try:
            try:
                self.interruptible = True
                answer = self.namespace().answer(request["query"], *about)
            finally:
                self.interruptible = False
        except BaseException as error:
            answer = {"failed": safe_str(error)[:MAX_TEXT] or type_name(error)}
        finally:
            self.voice.closed_to = None
            sys.stdout, sys.stderr = streams
        return encode_frame({"event": "told", "nonce": request["nonce"], "told": answer})

    def settle(self):
        self.interruptible = False

    def step(self, request):
        """Runs a step; returns the frame that ends it."""
        done = {"event": "done", "nonce": request["nonce"], "value": None, "display": []}
        done.update(error=None, final=None, rebound=[])
        filename, given = self.begin(request)
        try:
            self.outcome(request, filename, given, done)
            done["threads"] = self.streams.note_threads()
            return encode_frame(done)
        except BaseException as error:  # too much to say, or the code's own where none was expected
            done.update(value=None, display=[], final=None, error=describe(error, None))
            done["threads"] = self.streams.note_threads()
            return encode_frame(done)

    def begin(self, request):
        """Makes all ready for a step; returns the name of its source, and the names that the session gives."""
        filename = "<step %d>" % request["step"]
        self.remember_source(filename, request["code"])
        if request["tools"] is not None:
            self.tools.replace(request["tools"])
        changes = request["memory"]
        if changes["clear"]:
            self.memory._values.clear()
        self.memory._values.update(changes["set"])
        return filename, self.prepare()

    def outcome(self, request, filename, given, done):
        """Runs a step, and notes what there is to say of it."""
        error = self.guarded(self.run_and_show, request, filename, done)
        if error is not None and is_clean_exit(error):
            error = None
        if sys.getrecursionlimit() < NESTING:
            sys.setrecursionlimit(NESTING)  # what follows nests too
        if error is None and self.final is not None:
            error = self.guarded(lambda: done.update(final=final(*self.final)))
        if error is not None:
            second = self.guarded(lambda: done.update(error=self.describe(error, filename)))
            if second is not None:
                done["error"] = describe(second, None)
        try:
            done["rebound"] = self.rebound(given)
        except BaseException:
            self.drop_odd_names()
            done["rebound"] = self.rebound(given)
        self.streams.flush()

    def rebound(self, given):
        return [name for name in given if self.names.get(name) is not given[name]]

    def drop_odd_names(self):
        """Leaves no names that are not strings: comparing them with others may do anything."""
        names = [(name, value) for name, value in dict.items(self.names) if type(name) is str]
        self.names.clear()
        self.names.update(names)

    def guarded(self, function, *args):
        """Calls a function that runs the code's own, which may be stopped meanwhile; returns what it raises."""
        try:
            try:
                self.interruptible = True
                function(*args)
            finally:
                self.interruptible = False
        except BaseException as error:
            return error
        return None

    def run_and_show(self, request, filename, done):
        value = self.run(request["code"], filename)
        if value is not None:
            done["value"] = safe_repr(value)[: request["max_text"] + 1]
            done["display"] = rich(value)

    def prepare(self):
        """Puts right whatever the step before may have broken; returns the names it gave."""
        signal.signal(signal.SIGINT, self.on_interrupt)
        self.streams.restore()
        self.final = None
        given = self.given()
        names = dict(given, __builtins__=self.builtins)
        try:
            self.names.update(names)
        except BaseException:
            self.drop_odd_names()
            self.names.update(names)
        return given

    def given(self):
        """The names that the session gives."""
        return {
            "final_answer": self.final_answer,
            "memory": self.memory,
            "store": self.memory.store,
            "recall": self.memory.recall,
            "observe": self.memory.observe,
            "uncertain": self.uncertain,
            "explore": self.explore,
            "commit": self.commit,
            **self.tools.functions,
        }

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

    def on_interrupt(self, _number, _frame):
        if self.interruptible:
            raise Stopped()

    def describe(self, error, filename):
        return describe(error, filename)

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
        self.streams.flush()
        text = safe_str(message)[:MAX_TEXT]
        # Waits until it has been noted, so that what is printed next does not overtake it.
        self.voice.ask(encode({"event": "signal", "kind": kind, "message": text}))
