"""Times the same small programs, side by side, where an agent's code may run.

Native CPython, the interpreter of smolagents that walks syntax trees, and tinycode at the trust levels
local and isolated. Each is warm and is asked over a pipe; what counts is the time until the answer is
back. They take turns, so that whatever else the machine does falls on all of them alike.

    python3 benches/compare/run.py [--rounds N] [path/to/tinycode]

Standard library only; smolagents, which wants Python 3.10, goes to an environment of its own below `target/`.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import textwrap
import time
import venv
from operator import methodcaller
from pathlib import Path

SMOLAGENTS = "smolagents==1.26.0"
TARGET = Path(__file__).resolve().parents[2] / "target"
TOOL_CALLS = 100  # in one step, so that the step itself does not count

PROGRAMS = {
    "fib(25)": """
        def fib(n):
            return n if n < 2 else fib(n - 1) + fib(n - 2)
        result = fib(25)
    """,
    "loop of 1e6": """
        result = 0
        for i in range(1_000_000):
            result += i
    """,
    "building strings": """
        text = ""
        for i in range(5_000):
            text += f"{i:05d};"
        result = (len(text), len("".join(str(i) for i in range(100_000))))
    """,
    "comprehensions": """
        squares = [i * i for i in range(100_000) if i % 3]
        lengths = {i: i % 7 for i in range(50_000)}
        result = (sum(squares), sum(lengths.values()), len({i % 1000 for i in range(50_000)}))
    """,
    "sorting with a key": """
        result = sorted(range(100_000), key=lambda n: n * 7919 % 100_003)[:3]
    """,
}
ADD = {"name": "add", "kind": "client", "parameters": {"type": "object", "properties": {"a": {}, "b": {}}}}
CALL = f"for n in range({TOOL_CALLS}): result = add(n, 1)"


class Native:
    """A Python process that runs what it is sent."""

    name = "native"

    def __init__(self, python=sys.executable):
        command = [python, __file__, "--worker", self.name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, code):
        self.process.stdin.write(json.dumps(code) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def run(self, code):
        return self.ask(code + "\nresult")

    def start(self):
        subprocess.run([sys.executable, "-c", "pass"], check=True)


class Smolagents(Native):
    """`LocalPythonExecutor` in a process of its own."""

    name = "smolagents"

    def start(self):
        self.ask(None)


class Tinycode:
    """One session of a daemon, over stdio."""

    def __init__(self, binary, level):
        self.name, self.ids = level, 0
        self.process = subprocess.Popen([binary, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.call("initialize", capabilities={})
        self.session = self.call("session.create", trust_level=level, tools=[ADD])["session"]

    def send(self, method, params):
        self.ids += 1
        body = json.dumps({"jsonrpc": "2.0", "id": self.ids, "method": method, "params": params}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()
        return self.ids

    def receive(self):
        while (line := self.process.stdout.readline()) != b"\r\n":
            if not line:
                raise EOFError("the daemon has ended")
            if line.startswith(b"Content-Length:"):
                size = int(line[15:])
        return json.loads(self.process.stdout.read(size))

    def call(self, method, **params):
        wanted = self.send(method, params)
        while True:
            message = self.receive()
            event = message.get("params", {})
            if event.get("type") == "tool.call":
                self.send("tools.result", {"call": event["call"], "value": sum(event["args"])})
            elif message.get("id") == wanted:
                if "error" in message:
                    raise RuntimeError(f"{self.name}: {message['error']['message']}")
                return message["result"]

    def run(self, code, session=None):
        done = self.call("exec", session=session or self.session, code=code + "\nresult")
        if done["error"]:
            raise RuntimeError(f"{self.name}: {done['error']['message']}")
        return done["value"]

    def start(self):
        session = self.call("session.create", trust_level=self.name)["session"]
        self.run("result = 1", session)
        self.call("session.close", session=session)


def work(executor):
    """What the processes of `Native` and `Smolagents` do: code in, `repr` of `result` out."""
    run = executor()
    for line in sys.stdin:
        code = json.loads(line)
        if code is None:  # a new session, up to its first result
            code, run = "result = 1\nresult", executor()
        print(json.dumps(repr(run(code))), flush=True)


def native_executor():
    names = {}

    def run(code):
        exec(code, names)
        return names["result"]

    return run


def smolagents_executor():
    from smolagents import local_python_executor as smolagents

    # Its limits are a matter of policy, not of speed: without this, some of the programs are refused.
    smolagents.MAX_OPERATIONS = sys.maxsize
    executor = smolagents.LocalPythonExecutor([], timeout_seconds=None)
    executor.send_tools({})
    return lambda code: executor(code).output


def environment():
    """A Python that has smolagents."""
    folder = TARGET / SMOLAGENTS.replace("==", "-")
    if not (folder / "bin" / "smolagent").exists():  # which pip puts there last
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", SMOLAGENTS], check=True)
    return folder / "bin" / "python"


def rows():
    """What is timed: a name, an action, how many of it that is, and who takes part."""
    everyone = ("native", "smolagents", "local", "isolated")
    for name, code in PROGRAMS.items():
        yield name, methodcaller("run", textwrap.dedent(code).strip()), 1, everyone
    yield "first result of a session", methodcaller("start"), 1, everyone
    yield "exec of one line, warm", methodcaller("run", "result = 1 + 1"), 1, everyone
    yield "call of a client's tool", methodcaller("run", CALL), TOOL_CALLS, ("local", "isolated")


def measure(contenders, rounds):
    """Medians in seconds by row and contender; all have to come to the same result."""
    medians = {}
    for row, action, times, names in rows():
        took = {one: [] for one in contenders if one.name in names}
        for turn in range(rounds + 1):
            results = set()
            for one in random.sample(list(took), len(took)):  # lest one always follow the same
                begun = time.perf_counter()
                results.add(action(one))
                if turn:  # the first is for warming up
                    took[one].append((time.perf_counter() - begun) / times)
            if len(results) > 1:
                raise AssertionError(f"{row}: not the same results: {results}")
        medians[row] = {one.name: statistics.median(seconds) for one, seconds in took.items()}
    return medians


def table(medians, names):
    yield "| | " + " | ".join(names) + " |"
    yield "|---|" + "---:|" * len(names)
    for row, seconds in medians.items():
        cells = [cell(seconds.get(name), seconds.get("native")) for name in names]
        yield f"| {row} | " + " | ".join(cells) + " |"


def cell(seconds, native):
    if seconds is None:
        return "-"
    text = f"{seconds * 1e3:,.{2 if seconds < 0.01 else 0}f} ms"
    if native is None or native == seconds:
        return text
    ratio = seconds / native
    return text + f" ({ratio:.{2 if ratio < 1 else 1 if ratio < 10 else 0}f}x)"


def compare(binary, rounds):
    contenders = [Native(), Smolagents(environment()), Tinycode(binary, "local"), Tinycode(binary, "isolated")]
    try:
        medians = measure(contenders, rounds)
    finally:
        for one in contenders:
            one.process.communicate()  # which ends once its input does
    print(*table(medians, [one.name for one in contenders]), sep="\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tinycode", nargs="?", default="tinycode", help="the binary (default: on PATH)")
    parser.add_argument("--rounds", type=int, default=7, help="how often each is timed (default: 7)")
    parser.add_argument("--worker", help=argparse.SUPPRESS)  # this script, started by itself
    arguments = parser.parse_args()
    if arguments.worker:
        work(native_executor if arguments.worker == "native" else smolagents_executor)
    else:
        compare(arguments.tinycode, arguments.rounds)


if __name__ == "__main__":
    main()
