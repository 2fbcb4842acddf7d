"""Runs a session inside the daemon, as a WebAssembly component.

Built by componentize-py: what this imports at build time is in the snapshot that every session starts
from. Nothing but the functions of `python.wit`, the clocks and a read-only folder reaches out of it.
"""

import abc, ast, asyncio, base64, bisect, calendar, cmath, collections, collections.abc, colorsys  # noqa
import contextlib, copy, csv, dataclasses, datetime, decimal, difflib, email.message, enum, fractions  # noqa
import functools, graphlib, hashlib, heapq, hmac, html, html.parser, inspect, io, itertools, json, math  # noqa
import numbers, operator, pprint, random, re, secrets, shlex, signal, statistics, string, struct  # noqa
import textwrap, time, timeit, typing, unicodedata, urllib.parse, uuid, zlib, zoneinfo  # noqa
import _strptime, _pydatetime, _pydecimal, _pylong, encodings.idna, encodings.latin_1, encodings.ascii  # noqa
import encodings.utf_16, encodings.utf_32, encodings.cp1252, encodings.unicode_escape, encodings.hex_codec  # noqa

import _thread
import builtins
import gc
import importlib.machinery
import linecache
import marshal
import os
import sys

import componentize_py_runtime
import tinycode_check
import tinycode_namespace
import tzdata
import wit_world
from tinycode_session import Imports, Session, Stopped, Streams
from tinycode_values import HIDDEN, decode, encode_frame, numbered

HIDDEN.update([__file__, wit_world.__file__])

# Calls that may nest, whatever the code asks for.
MAX_NESTING = 100_000
CHUNK = 64 << 10  # bytes that are printed at once
# Builtins that make no sense or are not safe here.
MISSING = ("breakpoint", "compile", "eval", "exec", "exit", "input", "quit")
# Parts of the standard library that cannot work here.
LEFT_OUT = {"ensurepip", "idlelib", "pydoc_data", "site-packages", "test", "tkinter", "turtle", "turtledemo", "venv"}


def handed_over(frame):
    """A frame as a string. The call copies it, and where there is no memory for that, this Python ends: so
    that is found out before, where it is an exception like any other."""
    if len(frame) > CHUNK:
        bytearray(2 * len(frame))
    return str(frame, "utf-8")


class Channel:
    """Frames by calls of the daemon's functions."""

    asked = 0  # number of the calls so far

    def send(self, message):
        wit_world.send(handed_over(encode_frame(message)))

    def ask(self, text):
        self.asked += 1
        answer = wit_world.ask(handed_over(numbered(text, self.asked)))
        if not answer:
            raise Stopped()
        return decode(answer)


class Print(io.BufferedIOBase):
    """A standard stream. What goes past the daemon, straight to descriptors 1 and 2, is shown too."""

    wanted = True  # more, in this step

    def __init__(self, stderr):
        self.stderr = stderr

    def writable(self):
        return True

    def fileno(self):
        return 2 if self.stderr else 1

    def write(self, data):
        octets = data if type(data) is bytes else memoryview(data).cast("B")
        length = len(octets)
        start = 0
        while self.wanted and start < length:
            end = min(start + CHUNK, length)
            while start + CHUNK - 4 < end < length and octets[end] & 0xC0 == 0x80:
                end -= 1  # in the middle of a character
            self.pass_on(octets[start:end])
            start = end
        return length

    def pass_on(self, octets):
        try:
            text, raw = str(octets, "utf-8"), False
        except UnicodeDecodeError:
            text, raw = str(octets, "latin-1"), True
        self.wanted = wit_world.print(text, raw, self.stderr)


class Prints(Streams):
    def restore(self):
        super().restore()
        for stream in self.streams:
            stream.buffer.wanted = True

    def open(self, index):
        return Print(stderr=index == 1)


class Library:
    """The rest of the standard library, compiled: imported by those sessions that want it."""

    def __init__(self, folder):
        self.modules = {}
        for place, folders, files in os.walk(folder):
            if place == folder:
                folders[:] = [name for name in folders if name not in LEFT_OUT]
            for name in files:
                if name.endswith(".py") and name[:-3] not in LEFT_OUT:
                    self.add(os.path.join(place, name), folder)

    def add(self, path, folder):
        parts = os.path.relpath(path, folder)[:-3].split("/")
        package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if package else parts)
        if "-" in name or name in sys.modules:
            return
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec", dont_inherit=True, optimize=2)
        self.modules[name] = package, zlib.compress(marshal.dumps(code))

    def find_spec(self, name, path=None, target=None):
        if name not in self.modules:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=self.modules[name][0])

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        code = marshal.loads(zlib.decompress(self.modules[module.__name__][1]))
        exec(code, module.__dict__)


class Timezones:
    """The time zone database."""

    def __init__(self):
        root = os.path.join(os.path.dirname(tzdata.__file__), "zoneinfo")
        self.data = {}
        for place, _, files in os.walk(root):
            for name in files:
                path = os.path.join(place, name)
                with open(path, "rb") as file:
                    content = file.read()
                if content.startswith(b"TZif"):
                    self.data[os.path.relpath(path, root)] = content

    def load(self, key):
        if key not in self.data:
            raise zoneinfo.ZoneInfoNotFoundError("No time zone found with key %s" % key)
        return io.BytesIO(self.data[key])

    def install(self):
        zoneinfo._common.load_tzdata = self.load
        zoneinfo.available_timezones = lambda: set(self.data)


class Clock:
    """Stands where event loops have a selector: there is nothing to wait for but time."""

    def select(self, timeout):
        if timeout is None or timeout > 0:
            wit_world.sleep(float("inf") if timeout is None else timeout)
        return []


class Loop(asyncio.base_events.BaseEventLoop):
    """An event loop without sockets and threads."""

    def __init__(self):
        super().__init__()
        self._selector = Clock()

    def _process_events(self, events):
        pass

    def _write_to_self(self):
        pass  # nobody else could have to wake it

    def run_in_executor(self, executor, func, *args):
        future = self.create_future()

        def run():
            if future.cancelled():
                return
            asyncio.events._set_running_loop(None)  # as in a thread of its own
            try:
                future.set_result(func(*args))
            except Exception as error:
                future.set_exception(error)
            finally:
                asyncio.events._set_running_loop(self)

        self.call_soon(run)
        return future


def sleep(seconds, /):
    """Waits for as many seconds."""
    if isinstance(seconds, (str, bytes, bytearray)):
        raise TypeError("'%s' object cannot be interpreted as an integer" % type(seconds).__name__)
    seconds = float(seconds)
    if seconds != seconds:
        raise ValueError("Invalid value NaN (not a number)")
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    wit_world.sleep(seconds)


def set_recursion_limit(limit, /):
    """Sets the maximum depth of the Python interpreter stack, to 100,000 at most: what nests deeper would take
    more memory than a session has, some of it outside of its bounds."""
    set_limit(min(operator.index(limit), MAX_NESTING))


def pbkdf2_hmac(hash_name, password, salt, iterations, dklen=None):
    """As `hashlib` has it where there is OpenSSL."""
    if iterations < 1:
        raise ValueError("iteration value must be greater than 0.")
    keyed = hmac.new(password, None, hash_name)
    dklen = keyed.digest_size if dklen is None else dklen
    if dklen < 1:
        raise ValueError("key length must be greater than 0.")

    def digest(data):
        copy = keyed.copy()
        copy.update(data)
        return copy.digest()

    key = b""
    while len(key) < dklen:
        last = digest(salt + (len(key) // keyed.digest_size + 1).to_bytes(4, "big"))
        block = int.from_bytes(last, "big")
        for _ in range(iterations - 1):
            last = digest(last)
            block ^= int.from_bytes(last, "big")
        key += block.to_bytes(keyed.digest_size, "big")
    return key[:dklen]


def hold_the_outside(folders):
    """Has the C library ask for its folders and streams now, which it does when they are first used: a Python
    that holds more than it did at its start is one that no checkpoint can bring back."""
    for folder in folders[:1]:
        os.path.isdir(folder)
    for number in (1, 2):
        os.write(number, b"")


name_of_error = NameError.__dict__["name"].__get__


class Local(Session):
    """The session of this component."""

    missing = (*MISSING, "open")

    def __init__(self, channel, streams):
        super().__init__(channel, streams, lambda: tinycode_namespace)
        self.builtins = {name: value for name, value in vars(builtins).items() if name not in self.missing}

    def start(self, imports, cwd, packages):
        random.seed()
        sys.path[:] = packages
        hold_the_outside(packages)
        if cwd:
            os.chdir(cwd)
            sys.path.insert(0, cwd)
            self.missing = MISSING
            self.builtins["open"] = open
        self.imports = Imports(imports)
        if not self.imports.everything:
            self.builtins["__import__"] = self.imports.importer()

    def describe(self, error, filename):
        fault = super().describe(error, filename)
        name = name_of_error(error) if issubclass(type(error), NameError) else None
        if type(name) is str and name in self.missing:
            why = "it is not available at the trust level local"
            if name == "open":
                why += " unless the session has a `cwd`"
            before = fault["message"]
            fault["message"] = "name '%s' is not defined: %s" % (name, why)
            fault["traceback"] = fault["traceback"].replace(before, fault["message"])
        return fault


set_limit, sys.setrecursionlimit = sys.setrecursionlimit, set_recursion_limit
set_recursion_limit.__name__ = set_recursion_limit.__qualname__ = "setrecursionlimit"
time.sleep = sleep
# The clock of the processor counts from the build.
time.process_time, time.process_time_ns = time.monotonic, time.monotonic_ns
hashlib.pbkdf2_hmac = pbkdf2_hmac
asyncio.EventLoop = asyncio.SelectorEventLoop = Loop
asyncio.unix_events._DefaultEventLoopPolicy._loop_factory = Loop
Timezones().install()
sys.meta_path.append(Library(os.path.dirname(colorsys.__file__)))
sys.argv = [""]


class WitWorld(wit_world.WitWorld):
    def start(self, frame: bytes) -> None:
        wit_world.show("")
        session.start(**decode(frame))

    def step(self, frame: bytes) -> str:
        return handed_over(session.handle(decode(frame)))

    def grow(self, count: int) -> None:
        bytearray(count)

    def freeze(self) -> None:
        gc.freeze()

    def version(self) -> str:
        return sys.version.partition(" ")[0]

    def check(self, name: str, source: str) -> str | None:
        return tinycode_check.problem(name, source)

    def interrupt_in_view(self) -> None:
        def stop(number, frame):
            raise Stopped()

        signal.signal(signal.SIGINT, stop)
        show = functools.partial(componentize_py_runtime.call_import, SHOW, [""])
        calls = [show, show, _thread.interrupt_main, show]
        try:
            collections.deque(map(operator.call, calls), 0)  # in C, where no interrupt is noticed
            for _ in calls:
                pass
        except Stopped:
            return
        raise RuntimeError("this Python cannot be interrupted")


def number_of(function):
    """The number that a function of the daemon has, which only generated code knows."""
    numbers = []
    call_import = componentize_py_runtime.call_import
    componentize_py_runtime.call_import = lambda number, arguments: numbers.append(number)
    try:
        function("")
    finally:
        componentize_py_runtime.call_import = call_import
    return numbers[0]


SHOW = number_of(wit_world.show)


class Nobody(Channel):
    """A daemon that takes everything."""

    def send(self, message):
        encode_frame(message)

    def ask(self, text):
        return decode(encode_frame({"value": None, "error": None}))


class Nowhere(Streams):
    def open(self, index):
        return io.BytesIO()


# What steps are made of.
SAMPLES = (
    "x = 1\nx + 1",
    "print('a', 1)",
    "def f(n):\n    return n * 2\n[f(i) for i in range(30)]",
    "import json, math, re, statistics\nstatistics.mean([1, 2, math.pi])\nre.sub('[0-9]+', '', 'a1')",
    "json.loads(json.dumps({'a': [1, 2.5, None]}))",
    "y = {str(i): i for i in range(40)}\nsorted(y.items(), key=lambda pair: -pair[1])",
    "class A:\n    def __init__(self):\n        self.x = 1\nA().x",
    "import os",
    "1 / 0",
    "x =",
    "f'{3.14159:.2f}'",
    "store('a', 1)\nrecall('a')",
    "uncertain('why')",
    "final_answer({'a': 1})",
)


def warm_up():
    """Runs steps, so that the interpreter has adapted to what they do: it writes that beside the code, and
    each session would have to copy these pages."""
    before = sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__
    scratch = Local(Nobody(), Nowhere())
    scratch.builtins["__import__"] = Imports(["json", "math", "re", "statistics"]).importer()
    for number in range(12):
        tools = [] if number else None
        for code in SAMPLES:
            memory = {"clear": False, "set": {}}
            request = {"nonce": 1, "step": number, "code": code, "tools": tools, "memory": memory}
            scratch.step(decode(encode_frame(dict(request, max_text=1_000))))
    linecache.clearcache()
    sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__ = before


def settle():
    """Leaves the heap without holes: what a session allocates then lies close together, and not on pages
    that hold other parts of the snapshot, which it would have to copy."""
    gc.collect()
    top = id(bytes(1 << 20))
    blocks, count = [None] * 400_000, 0
    for size in (*range(1 << 16, 1 << 12, -(1 << 10)), *range(1 << 12, 0, -8)):
        while count < len(blocks):
            blocks[count] = block = bytes(size)
            count += 1
            if id(block) > top:
                break
    return blocks


warm_up()
session = Local(Channel(), Prints())
FILLING = settle()
