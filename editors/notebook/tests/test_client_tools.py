"""Tools that run here and are called by generated code there."""

from __future__ import annotations

import threading
from typing import Any, Dict, List

import pytest

from conftest import Model, code
from tinyagent import Client, ExecutionLimits, InvalidParams, PythonExecutor, TinyCodeAgent, ToolDefinitionError, tool


@tool
def calculate(x: int, y: int) -> int:
    """Adds two numbers."""
    return x + y


@tool
def last_first(zeta: str, alpha: str = "a") -> List[str]:
    """Keeps the order."""
    return [zeta, alpha]


@tool
def fail(text: str) -> None:
    """Fails."""
    raise LookupError(f"no {text}")


@pytest.fixture
def executor(client: Client) -> Any:
    with PythonExecutor(
        "isolated", tools=[calculate, last_first, fail], client=client, extra_imports=["threading", "concurrent"]
    ) as executor:
        yield executor


def test_generated_code_calls_a_tool(client: Client, model: Model) -> None:
    model.says(code("result = calculate(5, y=3)\nprint(result)"), code("final_answer(calculate(result, 1))"))
    with TinyCodeAgent(tools=[calculate], trust_level="isolated", client=client) as agent:
        assert agent.run_sync("x") == "9"
        assert agent.tools == [calculate]
    prompt = model.requests[0]["messages"][0]["content"]
    assert "calculate(" in prompt and "Adds two numbers." in prompt


def test_arguments_keep_their_places(executor: PythonExecutor) -> None:
    assert executor.run("last_first('z')").value == "['z', 'a']"
    assert executor.run("last_first('z', 'b')").value == "['z', 'b']"
    assert executor.run("last_first(alpha='b', zeta='z')").value == "['z', 'b']"


def test_errors_cross_over(executor: PythonExecutor) -> None:
    result = executor.run("try:\n    fail('luck')\nexcept LookupError as error:\n    print(error)")
    assert "no luck" in result.output
    result = executor.run("fail('luck')")
    assert result.error and result.error.type == "LookupError" and "no luck" in result.error.message
    result = executor.run("calculate('a', 1)")
    assert result.error and result.error.type == "TypeError"
    result = executor.run("calculate(1)")
    assert result.error and result.error.type == "TypeError"


def test_what_a_tool_returns_is_converted_or_refused(executor: PythonExecutor) -> None:
    def give(kind: str) -> Any:
        """Gives something."""
        return {"tuple": (1, {2}), "nan": float("nan"), "object": object(), "text": "é\ud800"}[kind]

    executor.inject("give", give)
    assert executor.run("give('tuple')").value == "[1, [2]]"
    for kind, error in (("nan", "ValueError"), ("object", "TypeError"), ("text", "InvalidParams")):
        result = executor.run(f"give('{kind}')")
        assert result.error and error in f"{result.error.type}: {result.error}", result.error


def test_many_and_large_calls(executor: PythonExecutor) -> None:
    executor.inject("size", size)
    assert executor.run("sum(calculate(n, 1) for n in range(2000))").value == str(sum(range(2000)) + 2000)
    result = executor.run("len(size('x' * 10_000_000))")
    assert result.value == "10000000", result


def size(text: str) -> str:
    """Gives the text back."""
    return text


def test_calls_from_threads_run_side_by_side(executor: PythonExecutor) -> None:
    together = threading.Barrier(3, timeout=20)

    def meet(number: int) -> int:
        """Waits for the others."""
        together.wait()
        return number

    executor.inject("meet", meet)
    result = executor.run(
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(3) as pool:\n"
        "    print(sorted(pool.map(meet, range(3))))"
    )
    assert result.output == "[0, 1, 2]\n", result


def test_a_tool_that_hangs_hinders_nobody(client: Client) -> None:
    release = threading.Event()

    def hang() -> None:
        """Hangs."""
        release.wait(20)

    with PythonExecutor("isolated", ExecutionLimits(timeout_seconds=0.3), tools=[hang], client=client) as executor:
        result = executor.run("hang()")
        assert result.timeout and result.error
        assert client.call("ping")
        assert executor.run("1 + 1").value == "2"
        release.set()
        assert executor.run("2 + 2").value == "4"


def test_a_tool_that_asks_its_own_session_is_told(client: Client) -> None:
    def again() -> str:
        """Asks for what cannot be."""
        return executor.run("1").value or ""

    with PythonExecutor("isolated", tools=[again], client=client) as executor:
        result = executor.run("again()")
        assert result.error and "wait for the other" in result.error.message
    # Another session may be asked.
    with (
        PythonExecutor("isolated", client=client) as executor,
        PythonExecutor("isolated", tools=[again], client=client) as other,
    ):
        assert other.run("again()").value == "'1'"


def test_plain_functions_are_made_tools_or_refused(client: Client) -> None:
    def plain(x: int) -> int:
        """Doubles."""
        return 2 * x

    with TinyCodeAgent(tools=[plain], trust_level="isolated", client=client) as agent:
        assert agent.exec("plain(4)").value == "8"
        assert agent.add_tools(calculate) == ["calculate"]
        assert agent.exec("calculate(plain(1), 1)").value == "3"
    with pytest.raises(ToolDefinitionError):
        TinyCodeAgent(tools=[lambda x: x])


def test_tools_survive_a_reset_and_a_kill(executor: PythonExecutor) -> None:
    executor.reset()
    assert executor.run("calculate(1, 2)").value == "3"
    executor.kill()
    assert executor.run("calculate(1, 3)").value == "4"


def test_replayed_calls_are_not_answered_again(client: Client) -> None:
    calls: List[int] = []

    def count(x: int) -> int:
        """Counts."""
        calls.append(x)
        return x

    with PythonExecutor("isolated", tools=[count], client=client) as executor:
        assert executor.run("count(1)").value == "1"
        seen: List[Dict[str, Any]] = []
        with client.subscribe(executor.session_id or "", seen.append):
            client.call("session.attach", session=executor.session_id, since=0)
            assert executor.run("count(2)").value == "2"
        assert [event["name"] for event in seen if event["type"] == "tool.call"].count("count") == 2
    assert calls == [1, 2]


def test_what_a_tool_prints_is_printed_here(executor: PythonExecutor, capsys: pytest.CaptureFixture[str]) -> None:
    def say(text: str) -> None:
        """Says it."""
        print(text)

    executor.inject("say", say)
    assert executor.run("say('here')").output == ""
    assert capsys.readouterr().out == "here\n"


def test_the_daemon_refuses_what_it_must(client: Client) -> None:
    wire = {**calculate.to_wire(), "name": "class"}
    with pytest.raises(InvalidParams, match="class"):
        client.call("session.create", trust_level="isolated", tools=[wire])
