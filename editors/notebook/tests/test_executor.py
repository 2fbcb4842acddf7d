"""`PythonExecutor`: Python without a model."""

from __future__ import annotations

import math
import threading
from typing import Any, Iterator

import pytest

from tinyagent import Client, ExecutionLimits, PythonExecutor, ToolDefinitionError


@pytest.fixture
def executor(client: Client) -> Iterator[PythonExecutor]:
    with PythonExecutor("isolated", ExecutionLimits(timeout_seconds=10), client=client) as executor:
        yield executor


def test_variables_last(executor: PythonExecutor) -> None:
    assert executor.run("x = 1\nprint('hi')").output == "hi\n"
    result = executor.run("x + 1")
    assert result.value == "2" and result.success and str(result) == "2"


def test_exceptions_are_results(executor: PythonExecutor) -> None:
    result = executor.run("print('before')\n1 / 0")
    assert result.error and not result.success
    assert (result.error.type, result.error.line) == ("ZeroDivisionError", 2)
    assert str(result) == "before\nZeroDivisionError: division by zero"
    assert executor.run("raise ValueError").error


@pytest.mark.parametrize(
    "value", [1, 1.5, True, None, "a'\"\n\\é🎉", [1, [2]], {"a": {"b": None}}, (1, (2,)), {1, 2}, b"\x00a", math.inf]
)
def test_values_are_injected(executor: PythonExecutor, value: Any) -> None:
    executor.inject("value", value)
    assert executor.run("repr(value)").value == repr(repr(value))


def test_large_values_are_injected(executor: PythonExecutor) -> None:
    executor.inject("value", "x" * 5_000_000)
    assert executor.run("len(value)").value == "5000000"


def test_functions_are_injected_as_tools(executor: PythonExecutor) -> None:
    def double(x: int) -> int:
        """Doubles."""
        return 2 * x

    executor.inject("twice", double)
    assert executor.run("twice(4)").value == "8"
    with pytest.raises(ToolDefinitionError):
        executor.inject("f", lambda x: x)


def test_what_cannot_be_injected(executor: PythonExecutor) -> None:
    with pytest.raises(TypeError, match="object"):
        executor.inject("value", object())
    for name in ("class", "a b", "", "final_answer"):
        with pytest.raises(ValueError):
            executor.inject(name, 1)


def test_reset_and_kill(executor: PythonExecutor) -> None:
    executor.run("x = 1")
    executor.reset()
    assert executor.run("x").error
    executor.run("x = 1")
    first = executor.session_id
    executor.kill()
    assert executor.run("x").error
    assert executor.session_id != first


def test_kill_ends_what_runs(executor: PythonExecutor, client: Client) -> None:
    printed = threading.Event()
    client.subscribe(executor.session_id or "", lambda event: printed.set() if event["type"] == "stdout" else None)
    call = client.start("exec", session=executor.session_id, code="print('on', flush=True)\nwhile True: pass")
    assert printed.wait(10)
    executor.kill()
    assert call.exception(10) is not None or call.result()["interrupted"]
    assert executor.run("1").value == "1"


def test_interrupt(executor: PythonExecutor, client: Client) -> None:
    assert executor.interrupt() is False
    subscription = client.subscribe(
        executor.session_id or "", lambda event: executor.interrupt() if event["type"] == "stdout" else None
    )
    with subscription:
        result = executor.run("x = 5\nprint('on', flush=True)\nwhile True: pass")
    assert result.interrupted
    assert executor.run("x").value == "5"


def test_sandbox_and_network_are_options(client: Client) -> None:
    with PythonExecutor("isolated", client=client, sandbox="off", network="none") as executor:
        info = client.call("session.get", session=executor.session_id)
    assert (info["sandbox"], info["network"]) == ("off", "none")


def test_final_answers_and_signals(executor: PythonExecutor) -> None:
    result = executor.run("commit('sure')\nfinal_answer({'a': 1})")
    assert result.is_final and result.final_value == {"a": 1}
    assert [str(signal) for signal in executor.signals] == ["commit: sure"]
