"""`TinyCodeAgent`, with a scripted model and real Python."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict, List

import pytest

from conftest import ENDLESS, KEY, Model, code, processes_below, until_gone
from tinyagent import (
    ActionStep,
    Cancelled,
    Client,
    ClientClosed,
    DaemonDied,
    ExecutionLimits,
    InvalidParams,
    MemoryManager,
    ModelError,
    Network,
    PruneStrategy,
    RunResult,
    SessionNotFound,
    StepLimitReached,
    SystemPromptStep,
    TaskStep,
    TinyCodeAgent,
    TrustLevel,
)

EXAMPLE = """
from tinyagent import TinyCodeAgent, TrustLevel, ExecutionLimits
agent = TinyCodeAgent(model="gpt-4o", trust_level=TrustLevel.ISOLATED, limits=ExecutionLimits(timeout_seconds=60.0, \
max_output_bytes=50000), extra_imports=["pandas", "numpy"])
result = agent.run_sync("Read data.csv, calculate the mean of column 'value', and return the result")
print(result)
"""


def test_the_documented_example(model: Model, data: Path) -> None:
    pytest.importorskip("pandas")
    model.says(
        code("import pandas as pd\ndf = pd.read_csv('data.csv')\nprint(df.describe())"),
        code("final_answer(df['value'].mean())"),
    )
    done = subprocess.run([sys.executable, "-c", EXAMPLE], stdout=subprocess.PIPE, text=True, timeout=60)
    assert done.stdout == "20.0\n"
    assert [request["model"] for request in model.requests] == ["gpt-4o"] * 2
    assert "mean" in model.requests[1]["messages"][-1]["content"]


def test_run_sync_answers(agent: TinyCodeAgent, model: Model) -> None:
    model.says(code("x = 6 * 7\nfinal_answer(x)"))
    assert agent.run_sync("What is 6 * 7?") == "42"
    assert model.keys == [f"Bearer {KEY}"]
    # The next run goes on with the variables, and the answer of the first does not end it.
    model.says(code("print(x)"), code("final_answer({'x': [x]})"))
    result = agent.run_sync("And twice?", return_result=True)
    assert isinstance(result, RunResult)
    assert result.final_answer and result.value == {"x": [42]}
    assert (result.state, result.steps_taken, result.success) == ("completed", 2, True)
    assert str(result) == result.output
    assert result.usage["requests"] == 2
    assert [step.code for step in result.steps] == ["print(x)", "final_answer({'x': [x]})"]
    first, last = result.steps
    assert first.result and first.result.output == "42\n" and not first.done
    assert last.done and last.final_answer == result.final_answer
    assert agent.last_result is result


def test_run_awaits(agent: TinyCodeAgent, model: Model) -> None:
    model.says(code("final_answer('a')"), code("final_answer('b')"))
    events: List[str] = []

    async def main() -> None:
        assert await agent.run("A?", on_event=lambda event: events.append(event["type"])) == "a"
        # Inside a running event loop, as in notebooks.
        assert agent.run_sync("B?") == "b"

    asyncio.run(main())
    assert events[0] == "run.started" and events[-1] == "run.finished"


def test_agents_side_by_side(client: Client, model: Model) -> None:
    together = threading.Barrier(2, timeout=20)

    def reply() -> str:
        together.wait()
        return code("final_answer(1)")

    model.says(reply, reply)

    async def one() -> Any:
        async with TinyCodeAgent(trust_level="isolated", client=client) as agent:
            return await agent.run("x")

    async def both() -> Any:
        return await asyncio.gather(one(), one())

    assert asyncio.run(both()) == ["1", "1"]


def test_verbose_prints_the_steps(agent: TinyCodeAgent, model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    model.says(code("print('hello')\nuncertain('maybe')"), code("final_answer('the end')"))
    agent.run_sync("x", verbose=True)
    shown = capsys.readouterr().out
    for part in ("step 1", "print('hello')", "hello\n", "maybe", "step 2", "the end"):
        assert part in shown
    model.says(code("final_answer(1)"))
    agent.run_sync("x")
    assert capsys.readouterr().out == ""


def test_a_failing_on_event_does_not_end_the_run(agent: TinyCodeAgent, model: Model) -> None:
    model.says(code("final_answer(1)"))
    assert agent.run_sync("x", on_event=lambda event: 1 / 0) == "1"


def test_the_step_limit(agent: TinyCodeAgent, model: Model) -> None:
    model.says(code("print(1)"), code("print(2)"))
    with pytest.raises(StepLimitReached, match="max_steps") as caught:
        agent.run_sync("x", max_steps=2)
    assert caught.value.result.steps_taken == 2
    model.says(code("print(1)"))
    result = agent.run_sync("x", max_steps=1, return_result=True)
    assert result.state == "step_limit_reached" and not result.success and result.final_answer is None
    with pytest.raises(InvalidParams, match="max_steps"):
        agent.run_sync("x", max_steps=0)


def test_a_model_that_refuses(agent: TinyCodeAgent, model: Model) -> None:
    model.says(401)
    with pytest.raises(ModelError) as caught:
        agent.run_sync("x")
    assert caught.value.hint
    assert KEY not in str(caught.value)


def test_the_environment_of_the_moment_counts(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    # The daemon has been started long before.
    model = Model()
    monkeypatch.setenv("OPENAI_BASE_URL", model.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "another")
    model.says(code("final_answer(1)"), code("final_answer(2)"))
    with TinyCodeAgent(trust_level="isolated", client=client) as agent:
        assert agent.run_sync("x") == "1"
    with TinyCodeAgent(trust_level="isolated", client=client, api_key="mine") as agent:
        assert agent.run_sync("x") == "2"
    assert model.keys == ["Bearer another", "Bearer mine"]
    model.close()


def test_interrupt_from_another_thread(agent: TinyCodeAgent, model: Model) -> None:
    model.says(code(ENDLESS))
    assert agent.interrupt() is False

    def on_event(event: Dict[str, Any]) -> None:
        if event["type"] == "stdout":
            threading.Thread(target=agent.interrupt).start()

    result = agent.run_sync("x", return_result=True, on_event=on_event)
    assert result.state == "cancelled"
    model.says(code(ENDLESS))
    with pytest.raises(Cancelled):
        agent.run_sync("x", on_event=on_event)
    assert agent.exec("1 + 1").value == "2"


def test_ctrl_c_stops_the_run(agent: TinyCodeAgent, model: Model) -> None:
    model.says(code(ENDLESS))
    main = threading.main_thread().ident or 0

    def on_event(event: Dict[str, Any]) -> None:
        if event["type"] == "stdout":
            signal.pthread_kill(main, signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        agent.run_sync("x", on_event=on_event)
    assert agent.exec("1 + 1").value == "2"


def test_cancelling_the_task_stops_the_run(agent: TinyCodeAgent, model: Model) -> None:
    model.says(code(ENDLESS))

    async def main() -> None:
        printed = asyncio.Event()
        run = asyncio.create_task(
            agent.run("x", on_event=lambda event: printed.set() if event["type"] == "stdout" else None)
        )
        await printed.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert (await agent.aexec("2 + 2")).value == "4"

    asyncio.run(main())


def test_step_by_step(agent: TinyCodeAgent, model: Model) -> None:
    model.says(code("a = 1"), code("final_answer(a + b)"))
    first = agent.step_sync("Add b to a")
    assert (first.code, first.done, first.state) == ("a = 1", False, "running")
    agent.exec("b = 2")
    second = asyncio.run(agent.step())
    assert second.done and second.final_answer and second.final_answer.value == 3


def test_what_is_stored_between_steps_is_seen_by_the_next(agent: TinyCodeAgent, model: Model) -> None:
    model.says(code("a = 1"), code("final_answer(a)"))
    agent.step_sync("x")
    agent.memory.store("b", "is set")
    agent.step_sync()
    assert "is set" in str(model.requests[1]["messages"])


def test_memory(agent: TinyCodeAgent) -> None:
    memory = agent.memory
    memory.store("limit", (1, None))
    memory.observe("it rains")
    memory.fail("walking")
    assert memory.recall("limit") == [1, None]
    assert memory.recall("nothing") is None
    assert memory.recall("nothing", default=5) == 5
    assert agent.exec("memory.recall('limit')").value == "[1, None]"
    agent.exec("memory.store('from_code', {'a': 1})")
    assert memory.recall("from_code") == {"a": 1}
    contents = memory.list()
    assert contents.observations == ["it rains"] and contents.failed_approaches == ["walking"]
    assert set(contents.variables) == {"limit", "from_code"}
    for part in ("limit", "it rains", "walking"):
        assert part in memory.context()
    memory.clear()
    assert memory.list().variables == {}
    with pytest.raises(TypeError):
        memory.store("x", object())


def test_signals(agent: TinyCodeAgent, model: Model) -> None:
    assert agent.signals == []
    model.says(code("uncertain('hm')\nexplore('look')"), code("commit('this')\nfinal_answer(1)"))
    result = agent.run_sync("x", return_result=True)
    expected = [("uncertain", "hm"), ("explore", "look"), ("commit", "this")]
    assert [(signal.kind, signal.message) for signal in agent.signals] == expected
    assert [(signal.kind, signal.message) for signal in result.signals] == expected


def test_reset_forgets_variables_and_keeps_memory(agent: TinyCodeAgent) -> None:
    agent.exec("x = 1")
    agent.memory.store("kept", True)
    agent.reset()
    result = agent.exec("x")
    assert result.error and result.error.type == "NameError"
    assert agent.memory.recall("kept") is True


def test_the_conversation_as_typed_steps(agent: TinyCodeAgent, model: Model) -> None:
    assert agent.memory_manager.actions == []
    model.says(code("1 / 0"), code("final_answer(1)"))
    agent.run_sync("Try it")
    prompt, task, *rest = agent.memory_manager.steps
    assert isinstance(prompt, SystemPromptStep) and "final_answer" in prompt.text
    assert isinstance(task, TaskStep) and "Try it" in task.text
    assert rest
    first, second = agent.memory_manager.actions
    assert first.error and "ZeroDivisionError" in first.error
    assert second.code == "final_answer(1)" and second.usage["total_tokens"] == 15
    assert second.time > 0


def test_keep_last_prunes_after_each_step(client: Client, model: Model) -> None:
    model.says(*(code(f"print({number})") for number in range(4)), code("final_answer(0)"))
    manager = MemoryManager(PruneStrategy.KEEP_LAST, keep_last=2)
    with TinyCodeAgent(trust_level="isolated", client=client, memory_manager=manager) as agent:
        agent.run_sync("x")
        assert len(manager.actions) == 2
        assert any(isinstance(step, TaskStep) for step in manager)
        with pytest.raises(ValueError, match="another agent"):
            TinyCodeAgent(memory_manager=manager)


def test_truncation_and_pruning_by_hand(client: Client, model: Model) -> None:
    model.says(code("print('x' * 5000)"), code("final_answer(0)"))
    manager = MemoryManager("truncate_observations", max_length=100)
    with TinyCodeAgent(trust_level="isolated", client=client, memory_manager=manager) as agent:
        agent.run_sync("x")
        assert all(len(action.observation) < 300 for action in manager.actions)
        before, after = manager.prune("keep_last", keep_last=1)
        assert (before - after, len(manager.actions)) == (1, 1)


def test_enable_pruning(client: Client, model: Model) -> None:
    model.says(*(code(f"print({number})") for number in range(3)), code("final_answer(0)"))
    with TinyCodeAgent(trust_level="isolated", client=client, enable_pruning=True, prune_keep_last=1) as agent:
        agent.run_sync("x")
        assert [type(step) for step in agent.memory_manager if isinstance(step, ActionStep)] == [ActionStep]


def test_prompts(client: Client, model: Model, data: Path) -> None:
    (data / "prompt.md").write_text("You are a test.\n{{tools}}")
    model.says(code("final_answer(0)"))
    with TinyCodeAgent(
        trust_level="isolated", client=client, prompt_file="prompt.md", system_suffix="Be brief."
    ) as agent:
        agent.run_sync("x")
    prompt = model.requests[0]["messages"][0]["content"]
    assert prompt.startswith("You are a test.") and prompt.endswith("Be brief.")


def test_code_runs_in_the_callers_folder_and_python(client: Client, data: Path) -> None:
    with TinyCodeAgent(trust_level="isolated", client=client, extra_imports=["sys", "os"]) as agent:
        assert agent.exec("open('data.csv').readline()").value == "'name,value\\n'"
        assert agent.exec("import sys; sys.prefix").value == repr(sys.prefix)
    os.mkdir(data / "inner")
    with TinyCodeAgent(trust_level="isolated", client=client, cwd="inner", extra_imports=["os"]) as agent:
        assert agent.exec("import os; os.getcwd()").value == repr(str(data / "inner"))


def test_limits_and_options_are_checked() -> None:
    assert ExecutionLimits() == ExecutionLimits(30.0, 10_000, 100, None)
    limits = {
        "timeout_seconds": 0,
        "max_output_bytes": 0,
        "max_steps": 0,
        "max_memory_bytes": 1,
        "background_seconds": -1,
    }
    for wrong in ({name: value} for name, value in limits.items()):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            ExecutionLimits(**wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        ExecutionLimits(timeout_seconds="1")  # type: ignore[arg-type]
    assert (TrustLevel("isolated"), str(TrustLevel.LOCAL)) == (TrustLevel.ISOLATED, "local")
    with pytest.raises(ValueError):
        TinyCodeAgent(trust_level="none")
    for option, wrong, meant in (
        ("trust_level", "Isolatd", "isolated"),
        ("sandbox", "wrkspace", "workspace"),
        ("network", "hosts", "host"),
    ):
        with pytest.raises(InvalidParams, match=f"{option}: '{wrong}' is none of") as caught:
            TinyCodeAgent(**{option: wrong})  # type: ignore[arg-type]
        assert caught.value.hint == f"did you mean '{meant}'?"
    with pytest.raises(TypeError):
        TinyCodeAgent(extra_imports="pandas")
    with pytest.raises(ValueError):
        TinyCodeAgent(socket="x", binary="y")


def test_sandbox_and_network_are_options(client: Client) -> None:
    with TinyCodeAgent(trust_level="isolated", client=client, sandbox="strict", network=Network.HOST) as agent:
        info = agent.session.call("session.get")
    assert (info["sandbox"], info["network"]) == ("strict", "host")


def test_limits_hold(client: Client) -> None:
    limits = ExecutionLimits(timeout_seconds=0.2, max_output_bytes=100)
    with TinyCodeAgent(trust_level="isolated", client=client, limits=limits) as agent:
        assert agent.exec("print('x' * 1000)").output_truncated
        assert agent.exec("while True: pass").timeout
    with pytest.raises(InvalidParams, match="nonsense"):
        TinyCodeAgent(trust_level="isolated", client=client, options={"nonsense": 1}).exec("1")


def test_close(client: Client) -> None:
    agent = TinyCodeAgent(trust_level="isolated", client=client)
    agent.exec("1")
    session = agent.session_id
    agent.close()
    agent.close()
    assert session not in [info["session"] for info in client.call("session.list")["sessions"]]
    with pytest.raises(ClientClosed):
        agent.exec("1")


def test_a_forgotten_agent_takes_its_session_and_daemon_along(client: Client) -> None:
    agent = TinyCodeAgent(trust_level="isolated", client=client)
    agent.exec("1")
    session = agent.session_id
    del agent
    gc.collect()
    with pytest.raises(SessionNotFound):
        while True:  # it is closed without anybody waiting for it
            client.call("session.get", session=session)

    agent = TinyCodeAgent(trust_level="isolated", extra_imports=["os"])
    agent.exec("1")
    daemon = agent.session.client.pid or 0
    workers = processes_below(daemon)
    assert len(workers) >= 3, "a spawner, an init and a worker"
    del agent
    gc.collect()
    until_gone(daemon)
    for worker in workers:
        until_gone(worker)


def test_a_killed_process_leaves_nothing() -> None:
    script = (
        "from tinyagent import TinyCodeAgent; import os, signal, sys\n"
        f"sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
        "from conftest import processes_below\n"
        "agent = TinyCodeAgent(trust_level='isolated', extra_imports=['os'])\n"
        "agent.exec('1')\n"
        "daemon = agent.session.client.pid\n"
        "print(daemon, *processes_below(daemon), flush=True)\n"
        "agent.session.client.start('exec', session=agent.session_id, code='while True: pass')\n"
        "agent.session.client.call('ping')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, timeout=60)
    pids = done.stdout.split()
    assert len(pids) >= 4, "a daemon, a spawner, an init and a worker"
    for pid in pids:
        until_gone(int(pid))


def test_a_daemon_that_dies(model: Model) -> None:
    agent = TinyCodeAgent(trust_level="isolated")
    agent.exec("1")
    os.kill(agent.session.client.pid or 0, signal.SIGKILL)
    with pytest.raises(DaemonDied, match="SIGKILL"):
        agent.run_sync("x")
