"""The client: calls, events, cancellation, and the daemon's life."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List

import pytest

from conftest import ENDLESS, is_running, until_gone
from tinyagent import (
    CallTimeout,
    Cancelled,
    Client,
    ClientClosed,
    DaemonDied,
    DaemonNotFound,
    InvalidParams,
    LimitExceeded,
    MethodNotFound,
    SessionNotFound,
    TinycodeError,
    find_binary,
)


def python(code: str, **env: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, **env})


def started(client: Client, session: str) -> "threading.Event":
    """Is set when code in the session prints."""
    printed = threading.Event()
    client.subscribe(session, lambda event: printed.set() if event["type"] == "stdout" else None)
    return printed


def test_a_call_answers(client: Client) -> None:
    assert client.call("ping") == {"pong": True}
    assert client.server_info["name"] == "tinycode"


def test_errors_are_exceptions_with_code_kind_and_hint(client: Client) -> None:
    with pytest.raises(SessionNotFound) as caught:
        client.call("session.get", session="nope")
    error = caught.value
    assert (error.code, error.kind) == (-31001, "session_not_found")
    assert error.hint and str(error) == f"{error.message}\nHint: {error.hint}"
    assert isinstance(error, (TinycodeError, LookupError))
    with pytest.raises(ValueError, match="max_steps"):
        client.call("run", task="x", max_steps=0)
    with pytest.raises(MethodNotFound):
        client.call("no.such.method")


@pytest.mark.parametrize("value", [float("nan"), object(), "\ud800", {1, 2}])
def test_what_json_cannot_say_is_refused_at_once(client: Client, session: str, value: Any) -> None:
    with pytest.raises(InvalidParams):
        client.call("memory.store", session=session, name="x", value=value)
    assert client.call("ping")


def test_large_messages_and_unicode(client: Client, session: str) -> None:
    text = "äöü€🎉" * 800_000
    assert client.call("exec", session=session, code=f"x = '{text}'\nlen(x)")["value"] == "4000000"
    client.call("memory.store", session=session, name="x", value=text[:50_000])
    assert client.call("memory.recall", session=session, name="x")["value"] == text[:50_000]
    with pytest.raises(LimitExceeded):
        client.call("memory.store", session=session, name="x", value="x" * (65 << 20))


def test_many_threads(client: Client, session: str) -> None:
    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(lambda n: client.call("exec", session=session, code=str(n))["value"], range(60)))
    assert results == [str(n) for n in range(60)]


def test_a_call_can_be_cancelled(client: Client, session: str) -> None:
    printed = started(client, session)
    call = client.start("exec", session=session, code=ENDLESS)
    assert printed.wait(10)
    assert not call.done()
    assert call.cancel()
    with pytest.raises(Cancelled):
        call.result(10)
    assert call.was_cancelled()
    assert not call.cancel()
    assert client.call("exec", session=session, code="1 + 1")["value"] == "2"


def test_a_timeout_cancels(client: Client, session: str) -> None:
    with pytest.raises(CallTimeout) as caught:
        client.call("exec", timeout=0.05, session=session, code=ENDLESS)
    assert isinstance(caught.value, TimeoutError)
    assert client.call("exec", timeout=10, session=session, code="3")["value"] == "3"


def test_coroutines(client: Client, session: str) -> None:
    async def main() -> None:
        answers = await asyncio.gather(*(client.acall("ping") for _ in range(10)))
        assert answers == [{"pong": True}] * 10
        with pytest.raises(SessionNotFound):
            await client.acall("session.get", session="nope")
        with pytest.raises(CallTimeout):
            await client.acall("exec", timeout=0.05, session=session, code=ENDLESS)
        task = asyncio.create_task(client.acall("exec", session=session, code=ENDLESS))
        while (await client.acall("session.get", session=session))["state"] != "busy":
            pass
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await client.acall("exec", timeout=10, session=session, code="4"))["value"] == "4"

    asyncio.run(main())


def test_ctrl_c_cancels_what_runs(client: Client, session: str) -> None:
    printed = started(client, session)

    def interrupt() -> None:
        printed.wait(10)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        client.call("exec", session=session, code=ENDLESS)
    assert client.call("exec", timeout=10, session=session, code="5")["value"] == "5"


def test_events_come_in_order_to_iterators_and_callbacks(client: Client) -> None:
    # Without checkpoints, which come about when the answer does.
    session = client.call("session.create", checkpoints=False)["session"]
    seen: List[Dict[str, Any]] = []
    with client.events(session) as stream, client.subscribe(session, seen.append):
        client.call("exec", session=session, code="print('a')\ncommit('done')")
    # The answer comes after the events: all are here.
    kinds = [event["type"] for event in stream]
    assert kinds == ["step.started", "code", "stdout", "signal", "step.finished"]
    assert [event["type"] for event in seen] == kinds
    numbers = [event["seq"] for event in seen]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert stream.get() is None


def test_a_failing_subscriber_harms_nobody(client: Client, session: str, caplog: pytest.LogCaptureFixture) -> None:
    def fail(event: Dict[str, Any]) -> None:
        raise RuntimeError("mine")

    with client.subscribe(session, fail):
        assert client.call("exec", session=session, code="6")["value"] == "6"
    assert "mine" in caplog.text


def test_close_ends_the_daemon_and_what_waits() -> None:
    client = Client()
    pid = client.pid
    assert pid
    session = client.call("session.create", trust_level="isolated")["session"]
    call = client.start("exec", session=session, code=ENDLESS)
    client.close()
    client.close()
    with pytest.raises(ClientClosed):
        call.result(10)
    with pytest.raises(ClientClosed):
        client.call("ping")
    assert not client.alive
    until_gone(pid)


def test_a_forgotten_client_is_collected_and_its_daemon_ends() -> None:
    client = Client()
    pid = client.pid
    assert pid
    stream = client.events("x")
    del client
    gc.collect()
    assert is_running(pid)  # the stream needs it
    del stream
    gc.collect()
    until_gone(pid)


def test_a_daemon_that_dies_is_told() -> None:
    client = Client()
    session = client.call("session.create", trust_level="isolated")["session"]
    call = client.start("exec", session=session, code=ENDLESS)
    os.kill(client.pid or 0, signal.SIGKILL)
    with pytest.raises(DaemonDied, match="SIGKILL"):
        call.result(10)
    with pytest.raises(DaemonDied, match="SIGKILL"):
        client.call("ping")
    assert list(client.events(session)) == []


def test_last_words_of_the_daemon_are_in_the_error(tmp_path: Path) -> None:
    fake = tmp_path / "tinycode"
    fake.write_text("#!/bin/sh\necho 'no such flag' >&2\nexit 2\n")
    fake.chmod(0o755)
    with pytest.raises(DaemonDied, match=r"(?s)exit code 2.*no such flag"):
        Client(fake)


def test_the_binary_is_found_or_its_absence_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DaemonNotFound, match="TINYCODE_BINARY"):
        find_binary(tmp_path / "none")
    real = find_binary()
    monkeypatch.setenv("TINYCODE_BINARY", str(tmp_path / "none"))
    with pytest.raises(DaemonNotFound, match="none"):
        find_binary()
    monkeypatch.delenv("TINYCODE_BINARY")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(DaemonNotFound, match="cargo install"):
        find_binary()
    cargo = tmp_path / ".cargo" / "bin"
    cargo.mkdir(parents=True)
    (cargo / "tinycode").symlink_to(real)
    assert find_binary() == str(cargo / "tinycode")
    (tmp_path / "tinycode").symlink_to(real)
    assert find_binary() == find_binary("tinycode") == str(tmp_path / "tinycode")


def test_over_a_socket(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with pytest.raises(DaemonNotFound, match="serve --socket"):
        Client.connect(socket=path)
    with subprocess.Popen([find_binary(), "serve", "--socket", str(path)]) as daemon:
        try:
            with connected(path) as mine, Client.connect(socket=path) as other:
                session = mine.call("session.create", trust_level="isolated")["session"]
                mine.own(session)
                assert mine.pid is None
                with other.events(session) as stream:
                    other.call("session.attach", session=session)
                    mine.call("exec", session=session, code="print('hello')")
                    assert any(event.get("text") == "hello\n" for event in stream_until(stream, "step.finished"))
                mine.close()
                # What the client owned is closed with it, the daemon stays.
                with pytest.raises(SessionNotFound):
                    while True:
                        other.call("session.get", session=session)
        finally:
            daemon.terminate()


def connected(path: Path) -> Client:
    """A client of a daemon that is about to serve the socket."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return Client.connect(socket=path)
        except DaemonNotFound:
            assert time.monotonic() < deadline


def stream_until(stream: Any, kind: str) -> List[Dict[str, Any]]:
    events = []
    for event in stream:
        events.append(event)
        if event["type"] == kind:
            break
    return events


def test_a_daemon_that_ends_ends_its_socket_clients(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with subprocess.Popen([find_binary(), "serve", "--socket", str(path)]) as daemon:
        client = connected(path)
        stream = client.events("x")
        daemon.kill()
        assert list(stream) == []
        with pytest.raises(DaemonDied, match="closed the connection"):
            client.call("ping")


SHARED = "from tinyagent import Client; c = Client.shared(); print(c.pid, flush=True); "


@pytest.mark.parametrize(
    "end",
    [
        "",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "1 / 0",
        "c.start('ping'); import sys; sys.exit(3)",
    ],
)
def test_a_process_that_ends_leaves_no_daemon(end: str) -> None:
    with python(SHARED + end) as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        process.wait(20)
    until_gone(pid)


def test_a_forked_child_has_a_daemon_of_its_own() -> None:
    code = SHARED + (
        "import os\n"
        "if os.fork() == 0:\n"
        "    try: c.call('ping')\n"
        "    except Exception as error: print(type(error).__name__, flush=True)\n"
        "    d = Client.shared(); print(d.pid != c.pid, d.call('ping'), flush=True); del c\n"
        "else:\n"
        "    os.wait(); print(c.call('ping'), flush=True)\n"
    )
    with python(code) as process:
        assert process.stdout
        pid, *lines = process.stdout.read().split("\n")
        assert lines == ["DaemonDied", "True {'pong': True}", "{'pong': True}", ""]
    until_gone(int(pid))


def test_a_child_that_outlives_its_parent_holds_no_daemon() -> None:
    code = SHARED + (
        "import os, time, signal\n"
        "r, w = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    print(os.getpid(), flush=True); os.write(w, b'x'); time.sleep(60)\n"
        "os.read(r, 1); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with python(code) as process:
        assert process.stdout
        pid, child = int(process.stdout.readline()), int(process.stdout.readline())
        until_gone(pid)
        assert is_running(child)
        os.kill(child, signal.SIGKILL)


def test_the_shared_client_is_replaced_when_it_has_died() -> None:
    client = Client.shared()
    assert Client.shared() is client
    pid = client.pid
    client.close()
    other = Client.shared()
    assert other.pid != pid
    assert other.call("ping")
