"""A scripted model, and a data file, for tests that drive the real daemon."""

from __future__ import annotations

import json
import os
import select
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Union

import pytest

from tinyagent import Client, TinyCodeAgent

# A shell that runs the tests in the background has them ignore Ctrl-C, which some of them are about.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Without an installed daemon, the one that was built beside this package.
_TARGET = Path(__file__).parents[3] / "target"
for _built in (_TARGET / "release" / "tinycode", _TARGET / "debug" / "tinycode"):
    if _built.exists():
        os.environ.setdefault("TINYCODE_BINARY", str(_built))

KEY = "sk-test-0123456789abcdef"
#: Code that says when it has begun, and never ends.
ENDLESS = "print('on', flush=True)\nwhile True: pass"
#: A reply of the model: its text, a status that the server answers in its place, or a function that is called
#: when the request comes, and gives one of them.
Reply = Union[str, int, Callable[[], Any]]


class Model:
    """A server that speaks OpenAI's protocol and gives the replies of a script, in order."""

    def __init__(self) -> None:
        self.replies: List[Reply] = []
        self.requests: List[Dict[str, Any]] = []
        self.keys: List[str] = []
        self.problems: List[str] = []
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                model.requests.append(body)
                model.keys.append(self.headers.get("Authorization", ""))
                if not model.replies:
                    model.problems.append("a request that the script does not have")
                    return self.respond(400, "text/plain", b"the script is over")
                reply = model.replies.pop(0)
                while callable(reply):
                    reply = reply()
                if isinstance(reply, int):
                    return self.respond(reply, "application/json", b'{"error": {"message": "no"}}')
                return self.respond(200, "text/event-stream", streamed(reply))

            def respond(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass  # a client that has gone away is not the server's business

        self.server = Server(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def says(self, *replies: Reply) -> None:
        """Adds replies; text that is code is fenced."""
        self.replies.extend(replies)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def streamed(text: str) -> bytes:
    """A reply as server-sent events."""
    chunks: List[Dict[str, Any]] = [{"choices": [{"index": 0, "delta": {"content": part}}]} for part in _halves(text)]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    chunks.append({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}})
    events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return ("".join(events) + "data: [DONE]\n\n").encode()


def _halves(text: str) -> List[str]:
    return [text[: len(text) // 2], text[len(text) // 2 :]]


def processes_below(root: int) -> List[int]:
    """All processes that descend from one."""
    parents: Dict[int, int] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                parents[int(name)] = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            pass  # it has ended meanwhile
    found = [root]
    for pid in found:
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found[1:]


def until_gone(pid: int) -> None:
    """Waits for a process to end; fails where it stays."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([process], [], [], 10)
        assert ended, f"process {pid} is left"
    finally:
        os.close(process)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def code(source: str) -> str:
    """A reply that is code."""
    return f"Let me see.\n\n```python\n{source}\n```"


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    """The model that the environment names. Fails the test where a reply is left or missing."""
    model = Model()
    monkeypatch.setenv("OPENAI_BASE_URL", model.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    yield model
    model.close()
    assert not model.problems
    assert not model.replies, "replies were not asked for"


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """One daemon for all tests that do not end it."""
    with Client() as client:
        yield client


@pytest.fixture
def session(client: Client) -> Iterator[str]:
    """An isolated session."""
    session = client.call("session.create", trust_level="isolated")["session"]
    yield session
    client.call("session.close", session=session)


@pytest.fixture
def agent(client: Client, model: Model) -> Iterator[TinyCodeAgent]:
    """An agent whose code runs in isolation."""
    with TinyCodeAgent(trust_level="isolated", client=client) as agent:
        yield agent


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with data.csv, made the current one. The mean of its values is 20."""
    (tmp_path / "data.csv").write_text("name,value\na,10\nb,20\nc,30\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path
