"""The magics, in a real kernel that uses a real daemon and a model that replies from a script."""

from __future__ import annotations

import functools
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Union

import jupyter_client
import nbclient
import nbformat
import psutil
import pytest

import tinyagent
from conftest import Model, Reply
from tinyagent import Client, _notebook
from tinyagent._live import LiveCell
from tinyagent._settings import as_settings
from tinyagent.binary import find_binary
from tinyagent.magics import interrupted

BINARY = find_binary()
#: Where the package that is tested comes from; the kernel is to use the same.
SOURCE = str(Path(tinyagent.__file__).resolve().parent.parent)
#: The longest that a test waits for one thing. Nothing waits for time to pass.
PATIENCE = 60.0
#: Code that says when it has begun, and does not stop when asked.
STUBBORN = "import itertools\nprint('turning', flush=True)\nall(itertools.repeat(1))"
#: Code that kills the copies of its Python, so that no state can be brought back.
ALONE = """import os, signal
for process in filter(str.isdigit, os.listdir('/proc')):
    if process not in ('1', str(os.getpid())): os.kill(int(process), signal.SIGKILL)
"""
#: What is done first, what is said then of the state, and what `kept` is.
LEFT = pytest.mark.parametrize(
    ("first", "said", "kept"),
    [("", "the session is as it was before", "7"), (ALONE, "the session's variables are gone", "None")],
    ids=["restored", "lost"],
)


def python(code: str, words: str = "") -> str:
    """A reply of the model that holds code."""
    return f"{words}\n\n```python\n{code}\n```"


class ScriptedModel(Model):
    """The model of all tests of this file: one kernel serves them, and knows one address."""

    def script(self, *replies: Union[Reply, threading.Event]) -> None:
        """What it says next; an event is waited for before the reply that follows."""
        self.replies.clear()
        self.requests.clear()
        waiting: List[threading.Event] = []
        for reply in replies:
            if isinstance(reply, threading.Event):
                waiting.append(reply)
            else:
                self.says(functools.partial(_after, waiting, reply))
                waiting = []


def _after(gates: List[threading.Event], reply: Reply) -> Reply:
    for gate in gates:
        assert gate.wait(PATIENCE)
    return reply


class Cell:
    """What came of a cell."""

    def __init__(self) -> None:
        self.messages: List[Dict[str, Any]] = []
        self.shown: Dict[str, Dict[str, Any]] = {}
        self.order: List[Dict[str, Any]] = []
        self.streams = {"stdout": "", "stderr": ""}
        self.result: Optional[Dict[str, Any]] = None
        self.error: Optional[Dict[str, Any]] = None
        self.updates = 0

    def take(self, kind: str, content: Dict[str, Any]) -> None:
        self.messages.append({"type": kind, **content})
        if kind == "stream":
            self.streams[content["name"]] += content["text"]
        elif kind == "execute_result":
            self.result = content["data"]
        elif kind == "error":
            self.error = content
        elif kind in ("display_data", "update_display_data"):
            self.updates += kind == "update_display_data"
            name = (content.get("transient") or {}).get("display_id")
            if name is None:
                self.order.append(content["data"])
            else:
                self.shown[name] = content["data"]

    @property
    def html(self) -> str:
        """The run as it is shown now."""
        (data,) = self.shown.values()
        return str(data["text/html"])

    @property
    def text(self) -> str:
        """The same as text."""
        (data,) = self.shown.values()
        return str(data["text/plain"])


class Kernel:
    """A kernel with the extension loaded."""

    def __init__(self, folder: Path, model: ScriptedModel) -> None:
        env = dict(os.environ, PYTHONPATH=SOURCE, TINYCODE_BINARY=BINARY, IPYTHONDIR=str(folder / "ipython"))
        env.update(OPENAI_API_KEY="sk-of-the-test", OPENAI_BASE_URL=model.base_url, PYTHONFAULTHANDLER="1")
        self.folder = folder
        self.manager, self.client = jupyter_client.manager.start_new_kernel(
            kernel_name="python3", env=env, cwd=str(folder), startup_timeout=PATIENCE
        )
        self.reply: Dict[str, Any] = {}
        self.run("%load_ext tinyagent")

    def start(self, code: str) -> Cell:
        """Begins a cell."""
        self.cell, self.id = Cell(), self.client.execute(code)
        return self.cell

    def until(self, is_so: Callable[[Cell], object]) -> Cell:
        """Takes messages of the cell until something is so."""
        while not is_so(self.cell):
            assert self._take(), f"the cell ended before: {self.cell.messages}"
        return self.cell

    def finish(self) -> Cell:
        """Takes all that is left of the cell."""
        while self._take():
            pass
        while True:
            # A kernel that started slowly still answers to those who asked whether it is there.
            reply = self.client.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == self.id:
                break
        self.reply = reply["content"]
        return self.cell

    def run(self, code: str) -> Cell:
        """Runs a whole cell."""
        self.start(code)
        return self.finish()

    def value(self, expression: str) -> str:
        """The value of an expression in the kernel, as its text."""
        cell = self.run(expression)
        assert cell.result, cell.error
        return str(cell.result["text/plain"])

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()

    def _take(self) -> bool:
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError(f"the kernel said nothing more: {self.cell.messages[-3:]}") from None
            if message["parent_header"].get("msg_id") == self.id:
                break
        content = message["content"]
        if message["msg_type"] == "status" and content["execution_state"] == "idle":
            return False
        self.cell.take(message["msg_type"], content)
        return True

    def processes(self) -> List[Any]:
        """The daemon, its workers and whatever else the kernel started."""
        return list(psutil.Process(self.manager.provisioner.pid).children(recursive=True))

    def close(self, *, now: bool = False) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=now)


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    scripted = ScriptedModel()
    yield scripted
    scripted.close()


@pytest.fixture(scope="module")
def shared_kernel(model: ScriptedModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    kernel = Kernel(tmp_path_factory.mktemp("notebook"), model)
    yield kernel
    kernel.close()


@pytest.fixture
def kernel(shared_kernel: Kernel, model: ScriptedModel) -> Kernel:
    """A kernel in which no session is left of the test before."""
    model.script()
    shared_kernel.run("%unload_ext tinyagent\n%load_ext tinyagent")
    return shared_kernel


@pytest.fixture
def own_kernel(model: ScriptedModel, tmp_path: Path) -> Iterator[Kernel]:
    """A kernel that the test may end."""
    kernel = Kernel(tmp_path, model)
    yield kernel
    if kernel.manager.is_alive():
        kernel.close(now=True)


def text_of(html: str) -> str:
    """The text of shown HTML."""
    import html as library

    html = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    return library.unescape(re.sub(r"<[^>]*>", "", html))


# -- %%agent


def test_a_run_is_shown_and_its_answer_bound(kernel: Kernel, model: ScriptedModel) -> None:
    model.script(python("print('six by', 7)", "I count."), python("final_answer({'n': 6 * 7})"))
    cell = kernel.run("%%agent total --model scripted\nHow much is it?")
    shown = text_of(cell.html)
    for part in ("I count.", "print('six by', 7)", "six by 7", "final_answer", "{'n': 42}", "2 steps", "30 tokens"):
        assert part in shown and part in cell.text
    assert "isolated · scripted · the answer is in total" in shown
    assert cell.error is None and kernel.reply["status"] == "ok"
    assert kernel.value("total['n'] + 1") == "43"
    assert kernel.value("_agent_run.answer") == "{'n': 42}"
    assert model.requests[0]["messages"][-1]["content"].find("How much is it?") >= 0


def test_the_default_name_is_said(kernel: Kernel, model: ScriptedModel) -> None:
    model.script(python("final_answer('a < b')"))
    cell = kernel.run("%%agent\nWhat?")
    assert "the answer is in <code>_agent</code>" in cell.html
    assert kernel.value("_agent") == "'a < b'"


def test_steps_are_shown_while_the_run_goes_on(kernel: Kernel, model: ScriptedModel) -> None:
    gate = threading.Event()
    model.script(python("print('first output')", "First."), gate, python("final_answer(1)"))
    cell = kernel.start("%%agent\nGo.")
    kernel.until(lambda cell: cell.shown and "first output" in cell.html)
    assert cell.result is None and "final_answer" not in text_of(cell.html)
    updates = cell.updates
    kernel.until(lambda cell: "thinking" in cell.html and cell.updates > updates + 1)
    gate.set()
    kernel.finish()
    assert "thinking" not in cell.html and "final_answer" in text_of(cell.html)


def test_output_is_shown_while_the_code_runs(kernel: Kernel, model: ScriptedModel) -> None:
    flag = kernel.folder / "go"
    wait = f"print('waiting')\nimport os\nwhile not os.path.exists({str(flag)!r}): pass\nfinal_answer(1)"
    model.script(python(wait))
    kernel.start("%%agent\nGo.")
    cell = kernel.until(lambda cell: cell.shown and "waiting" in re.sub("ta-code.*?</pre>", "", cell.html))
    assert "running the code" in cell.html
    flag.touch()
    assert kernel.finish().error is None


def test_an_error_of_a_step_is_shown(kernel: Kernel, model: ScriptedModel) -> None:
    model.script(python("1 / 0"), python("final_answer('after all')"))
    cell = kernel.run("%%agent\nDivide.")
    assert "<b>ZeroDivisionError</b>: division by zero" in cell.html and "Traceback" in cell.html
    assert kernel.value("_agent") == "'after all'"


def test_the_step_limit_is_shown_and_fails_the_cell(kernel: Kernel, model: ScriptedModel) -> None:
    kernel.run("total = 'as before'")
    model.script(*[python(f"print({number})") for number in range(3)])
    cell = kernel.run("%%agent total --max-steps 2\nNever ends.")
    assert "No answer within the step limit" in text_of(cell.html) and "2 steps" in cell.html
    assert cell.error and cell.error["ename"] == "StepLimitReached" and kernel.reply["status"] == "error"
    assert len(cell.error["traceback"]) == 1 and "File" not in cell.error["traceback"][0]
    assert kernel.value("total") == "'as before'"


def test_a_model_that_fails_is_shown(kernel: Kernel) -> None:
    cell = kernel.run("%%agent\nAsk.")
    assert "The run failed" in text_of(cell.html) and "the script is over" in text_of(cell.html)
    assert cell.error and cell.error["ename"] == "ModelError"


def test_hostile_output_stays_text(kernel: Kernel, model: ScriptedModel) -> None:
    bad = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>"
    show = f"class X:\n    def _repr_html_(self): return {bad!r} + '<table><tr><td>cell'\nprint({bad!r})\nX()"
    model.script(python(show, bad), python(f"final_answer({bad!r})"))
    cell = kernel.run("%%agent\nBe bad.")
    assert "<script" not in cell.html and "<img" not in cell.html and "onerror=alert(1)&gt;" in cell.html
    assert "<td>cell</td></tr></table>" in cell.html


def test_an_interrupt_ends_the_run_and_keeps_the_session(kernel: Kernel, model: ScriptedModel) -> None:
    kernel.run("%%tinycode\nkept = 5")
    model.script(python("print('turning')\nwhile True: pass"))
    kernel.start("%%agent\nTurn.")
    kernel.until(lambda cell: cell.shown and "turning" in re.sub("ta-code.*?</pre>", "", cell.html))
    kernel.interrupt()
    cell = kernel.finish()
    assert cell.error and cell.error["ename"] == "KeyboardInterrupt"
    assert ">Interrupted<" in cell.html and 'ta-pulse"' not in cell.html
    after = kernel.run("%%tinycode\nkept")
    assert after.result and after.result["text/plain"] == "5"


@LEFT
def test_an_interrupt_that_ends_the_runs_python_says_so(
    kernel: Kernel, model: ScriptedModel, first: str, said: str, kept: str
) -> None:
    kernel.run("%%tinycode\nkept = 7")
    model.script(python(first + STUBBORN))
    kernel.start("%%agent\nTurn.")
    kernel.until(lambda cell: cell.shown and "turning" in re.sub("ta-code.*?</pre>", "", cell.html, flags=re.DOTALL))
    kernel.interrupt()
    cell = kernel.finish()
    assert cell.error and cell.error["ename"] == "KeyboardInterrupt"
    assert said in cell.error["evalue"] and "kept" not in cell.error["evalue"]
    after = kernel.run("%%tinycode\nprint(globals().get('kept'))")
    assert after.streams["stdout"] == f"{kept}\n"


def test_an_interrupt_ends_a_model_that_thinks(kernel: Kernel, model: ScriptedModel) -> None:
    asked, gate = threading.Event(), threading.Event()
    model.script(lambda: asked.set() or (gate.wait(PATIENCE) and python("final_answer(1)")))
    kernel.start("%%agent\nThink.")
    assert asked.wait(PATIENCE)
    kernel.until(lambda cell: cell.shown and "thinking" in cell.html)
    kernel.interrupt()
    cell = kernel.finish()
    gate.set()
    assert cell.error and cell.error["ename"] == "KeyboardInterrupt" and ">Interrupted<" in cell.html
    model.script(python("final_answer('well')"))
    kernel.run("%%agent\nAgain.")
    assert kernel.value("_agent") == "'well'"


def test_agent_and_cells_share_one_session(kernel: Kernel, model: ScriptedModel) -> None:
    kernel.run("%%tinycode\nnumbers = [1, 2, 3]")
    model.script(python("total = sum(numbers)\nfinal_answer(total)"))
    kernel.run("%%agent\nSum up numbers.")
    assert kernel.value("_agent") == "6"
    after = kernel.run("%%tinycode\ntotal * 2")
    assert after.result and after.result["text/plain"] == "12"


def test_a_session_is_replaced_only_when_asked(kernel: Kernel, model: ScriptedModel) -> None:
    kernel.run("%%tinycode\nx = 1")
    refused = kernel.run("%%agent --model other\nGo.")
    assert refused.error and refused.error["ename"] == "InvalidParams" and "--fresh" in refused.error["evalue"]
    assert not model.requests
    model.script(python("final_answer('x' in globals())"))
    kernel.run("%%agent --model other --fresh\nGo.")
    assert kernel.value("_agent") == "False" and model.requests[0]["model"] == "other"


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("%%agent 1x\nGo.", "cannot be the name"),
        ("%%agent class\nGo.", "cannot be the name"),
        ("%%agent\n  \n", "write the task"),
        ("%%agent --what\nGo.", "unrecognized arguments: --what"),
    ],
)
def test_wrong_use_is_explained(kernel: Kernel, cell: str, said: str) -> None:
    done = kernel.run(cell)
    assert said in done.streams["stderr"] and kernel.reply["status"] == "error"


def test_a_level_that_does_not_work_is_refused(kernel: Kernel) -> None:
    cell = kernel.run("%%agent --trust unheard-of\nGo.")
    assert cell.error and "trust_level" in cell.error["evalue"] and not cell.shown
    cell = kernel.run("%%agent --trust isolatd\nGo.")
    assert cell.error and "did you mean 'isolated'?" in cell.error["evalue"]


def test_help_tells_the_options(kernel: Kernel) -> None:
    kernel.run("%%agent?")
    page = json.dumps(kernel.reply["payload"])
    assert "--max-steps" in page and "_agent" in page


# -- %%tinycode


def test_cells_share_their_state(kernel: Kernel) -> None:
    first = kernel.run("%%tinycode\ndef double(x):\n    return 2 * x\nprint('defined')")
    assert first.streams["stdout"] == "defined\n" and first.result is None
    assert "isolated" in first.order[0]["text/plain"]
    second = kernel.run("%%tinycode\ndouble(21)")
    assert second.result and second.result["text/plain"] == "42" and not second.order
    assert "double" not in kernel.value("sorted(set(globals()) & {'double'})")


def test_a_cell_runs_in_the_notebooks_python_and_folder(kernel: Kernel) -> None:
    cell = kernel.run("%%tinycode\nimport os, sys\nsys.executable, os.getcwd()")
    assert cell.result and cell.result["text/plain"] == repr((sys.executable, str(kernel.folder)))


def test_output_streams(kernel: Kernel) -> None:
    flag = kernel.folder / "streamed"
    kernel.start(
        "%%tinycode\nimport os, sys\nprint('out')\nprint('err', file=sys.stderr)\n"
        f"while not os.path.exists({str(flag)!r}): pass\nprint('end')"
    )
    cell = kernel.until(lambda cell: "out\n" in cell.streams["stdout"] and "err\n" in cell.streams["stderr"])
    assert "end" not in cell.streams["stdout"]
    flag.touch()
    assert kernel.finish().streams["stdout"] == "out\nend\n"


def test_what_a_cell_leaves_running_prints_in_a_later_one(kernel: Kernel) -> None:
    go, done = kernel.folder / "go-on", kernel.folder / "printed"
    code = (
        "%%tinycode\nimport os, threading\ndef late():\n"
        f"    while not os.path.exists({str(go)!r}): pass\n"
        f"    print('late')\n    open({str(done)!r}, 'w').close()\n"
        "threading.Thread(target=late).start()"
    )
    assert kernel.run(code).streams["stdout"] == ""
    go.touch()
    while not done.exists():
        time.sleep(0.01)
    assert kernel.run("%%tinycode\nprint('own')").streams["stdout"] == "[left running by step 1] late\nown\n"


def test_rich_values_are_shown_as_such(kernel: Kernel) -> None:
    cell = kernel.run(
        "%%tinycode\nclass Table:\n    def _repr_html_(self): return '<table></table>'\n"
        "    def __repr__(self): return 'a table'\nTable()"
    )
    assert cell.result == {"text/plain": "a table", "text/html": "<table></table>"}


def test_a_semicolon_hides_the_value(kernel: Kernel) -> None:
    assert kernel.run("%%tinycode\n1 + 1;").result is None


def test_an_error_fails_the_cell_as_python_would(kernel: Kernel) -> None:
    cell = kernel.run("%%tinycode\nprint('before')\ndef f():\n    return {}['x']\nf()")
    assert cell.streams["stdout"] == "before\n"
    assert cell.error and cell.error["ename"] == "KeyError" and kernel.reply["status"] == "error"
    trace = "\n".join(cell.error["traceback"])
    assert "line 3, in f" in trace and "tinyagent" not in trace
    after = kernel.run("%%tinycode\nf.__name__")
    assert after.result and after.result["text/plain"] == "'f'"


@pytest.mark.parametrize(
    ("code", "is_told"),
    [
        ("!ls", True),
        ("%matplotlib inline", True),
        ("x = 1\nif x:\n    !ls -l", True),
        ("x = 5 5\ny = 7 \\\n% 2", False),
        ("raise SyntaxError", False),
    ],
)
def test_lines_of_ipython_are_told_from_mistakes(kernel: Kernel, code: str, is_told: bool) -> None:
    cell = kernel.run(f"%%tinycode\n{code}")
    assert cell.error and cell.error["ename"] == "SyntaxError"
    assert ("IPython's `!` and `%` lines" in cell.streams["stderr"]) is is_told


def test_what_a_crash_left_is_said_once(kernel: Kernel, model: ScriptedModel) -> None:
    crash = "import os\nos._exit(3)"
    cell = kernel.run(f"%%tinycode\n{crash}")
    assert cell.error and cell.error["ename"] == "ProcessDied"
    said = cell.streams["stderr"] + "\n".join(cell.error["traceback"])
    assert said.count("as it was before") == 1
    model.script(python(crash), python("final_answer('well')"))
    cell = kernel.run("%%agent\nCrash.")
    assert cell.html.count("as it was before") == cell.text.count("as it was before") == 1


def test_an_interrupt_ends_the_cell_and_keeps_the_session(kernel: Kernel) -> None:
    kernel.run("%%tinycode\nkept = 7")
    kernel.start("%%tinycode\nprint('turning')\nwhile True: pass")
    kernel.until(lambda cell: "turning" in cell.streams["stdout"])
    kernel.interrupt()
    cell = kernel.finish()
    assert cell.error and cell.error["ename"] == "KeyboardInterrupt"
    assert 'File "<step' in "\n".join(cell.error["traceback"])
    after = kernel.run("%%tinycode\nkept")
    assert after.result and after.result["text/plain"] == "7"


@LEFT
def test_an_interrupt_that_ends_the_cells_python_says_so(kernel: Kernel, first: str, said: str, kept: str) -> None:
    kernel.run("%%tinycode\nkept = 7")
    kernel.start(f"%%tinycode\n{first}{STUBBORN}")
    kernel.until(lambda cell: "turning" in cell.streams["stdout"])
    kernel.interrupt()
    cell = kernel.finish()
    assert cell.error and cell.error["ename"] == "KeyboardInterrupt"
    assert said in cell.error["evalue"] and "kept" not in cell.error["evalue"]
    after = kernel.run("%%tinycode\nprint(globals().get('kept'))")
    assert after.streams["stdout"] == f"{kept}\n"


@pytest.mark.parametrize(
    ("stops", "said"),
    [(1, "is as it was before"), (2, "is as it was before"), (3, "what is left of the session is not known yet")],
)
def test_only_a_third_interrupt_leaves_before_the_end(stops: int, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The kernel's interrupts come while it waits, as these do.
    monkeypatch.setattr(_notebook, "_TICK_SECONDS", 0.01)
    left = list(range(stops))
    live = LiveCell()

    def tick() -> None:
        if live.step and left:
            left.pop()
            raise KeyboardInterrupt

    session = _notebook.NotebookSession()
    session.ensure(trust_level="isolated")
    with pytest.raises(_notebook.Interrupted) as stop:
        session.perform("exec", live.feed, tick, code=STUBBORN)
    assert not left and said in interrupted("cell", stop.value, live.state_left)
    session.close()


def test_limits_can_be_set_and_are_explained(kernel: Kernel) -> None:
    kernel.run("%agent_config timeout_seconds=0.3 max_output_bytes=100")
    cell = kernel.run("%%tinycode\nprint('x' * 500)\nwhile True: pass")
    assert "max_output_bytes" in cell.streams["stderr"] and "timeout_seconds" in cell.streams["stderr"]
    assert cell.error


def test_a_daemon_that_died_is_replaced(kernel: Kernel) -> None:
    kernel.run("%%tinycode\nx = 1")
    (daemon,) = (process for process in kernel.processes() if "serve" in process.cmdline())
    daemon.kill()
    psutil.wait_procs([daemon], timeout=PATIENCE)
    # Whether the kernel already knows or finds out now, the cell after that has a session again.
    kernel.run("%%tinycode\n1")
    cell = kernel.run("%%tinycode\n'x' in globals()")
    assert cell.result and cell.result["text/plain"] == "False"


# -- %agent_config, and the end


def test_settings_are_told_and_checked(kernel: Kernel) -> None:
    assert "none yet" in kernel.run("%agent_config").streams["stdout"]
    kernel.run("%agent_config model=mine timeout_seconds=5 extra_imports=math,json")
    told = kernel.run("%agent_config").streams["stdout"]
    assert "model = mine" in told and "timeout_seconds = 5" in told and "['math', 'json']" in told
    for wrong in ("modell=x", "timeout_seconds=soon", "model"):
        refused = kernel.run(f"%agent_config {wrong}")
        assert refused.error and refused.error["ename"] == "InvalidParams"
    kernel.run("%%tinycode\n1")
    assert "stays as it is" in kernel.run("%agent_config model=").order[0]["text/plain"]
    assert "session: isolated · mine" in kernel.run("%agent_config").streams["stdout"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ('the option `sandbox: "off"` allows more.', "`%agent_config sandbox=off` allows more."),
        ('the option `network: "host"` gives it one', "`%agent_config network=host` gives it one"),
        ("the option `limits.max_memory_bytes` allows", "`%agent_config max_memory_bytes=...` allows"),
        ("name one with the option `python`", "name one with `%agent_config python=...`"),
        ("`limits.background_seconds` allows", "`%agent_config background_seconds=...` allows"),
        ("limits.max_steps: 0 is out of range", "max_steps: 0 is out of range"),
        ("is not allowed; add it to extra_imports", "is not allowed; add it to `%agent_config extra_imports=...`"),
        ("no key was given: set OPENAI_API_KEY or api_key", "no key was given: set OPENAI_API_KEY"),
        ("a `cwd`, limits.txt, max_steps and `image`", "a `cwd`, limits.txt, max_steps and `image`"),
    ],
)
def test_options_are_called_as_in_a_notebook(said: str, meant: str) -> None:
    assert as_settings(said) == meant


def test_what_the_daemon_advises_can_be_typed(kernel: Kernel, model: ScriptedModel) -> None:
    kernel.run("%agent_config sandbox=strict max_memory_bytes=200_000_000 extra_imports=socket")
    said = "`%agent_config sandbox=workspace` allows more"
    cell = kernel.run("%%tinycode\nopen('/etc/new', 'w')")
    assert cell.error and said in cell.error["evalue"] and said in "\n".join(cell.error["traceback"])
    cell = kernel.run("%%tinycode\nbytearray(1 << 30)")
    assert cell.error and "`%agent_config max_memory_bytes=...` allows more" in cell.error["evalue"]
    cell = kernel.run("%%tinycode\nimport subprocess")
    assert cell.error and "add it to `%agent_config extra_imports=...`" in cell.error["evalue"]
    model.script(python("open('/etc/new', 'w')"), python("final_answer('well')"))
    cell = kernel.run("%%agent\nWrite.")
    assert said in cell.html and said in cell.text
    model.script(python("1"))
    cell = kernel.run("%%agent -n 1\nLook.")
    assert "raise `%agent_config max_steps=...`, or run again" in cell.text


def test_settings_for_the_next_session_are_told_as_such(kernel: Kernel) -> None:
    later = " (for the next session, which --fresh begins)\n"
    kernel.run("%agent_config model=mine timeout_seconds=5")
    kernel.run("%%tinycode\n1")
    assert later not in kernel.run("%agent_config max_steps=3").streams["stdout"]
    assert not kernel.run("%agent_config model=mine max_steps=4").order
    kernel.run("%agent_config network=none timeout_seconds=9 model=")
    told = kernel.run("%agent_config").streams["stdout"]
    for line in (f"network = none{later}", f"timeout_seconds = 9{later}", f"model = default{later}", "max_steps = 4\n"):
        assert line in told
    assert "session: isolated · mine, in" in told
    kernel.run("%%tinycode --fresh\n1")
    told = kernel.run("%agent_config").streams["stdout"]
    assert later not in told and "session: isolated · network none ·" in told


def test_a_fresh_session_is_in_the_daemon_of_the_socket(kernel: Kernel, tmp_path: Path) -> None:
    path = tmp_path / "daemon"
    with subprocess.Popen([BINARY, "serve", "--socket", str(path)]) as daemon:
        try:
            while not path.exists():
                time.sleep(0.01)
            kernel.run("%%tinycode\n1")
            kernel.run(f"%agent_config socket={path}")
            kernel.run("%%tinycode --fresh\n1")
            with Client.connect(socket=path) as other:
                sessions = other.call("session.list")["sessions"]
            assert [session["name"] for session in sessions] == ["notebook"]
        finally:
            daemon.terminate()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("trust_level=isolated", "isolated"),
        ("sandbox=strict", "isolated · sandbox strict"),
        ("sandbox=strict network=host", "isolated · sandbox strict · network host"),
        ("sandbox=off network=none", "isolated · sandbox off · network none"),
        ("network=none", "isolated · network none"),
        ("trust_level=local network=none", "local"),
    ],
)
def test_sandbox_and_network_are_told_where_they_are_not_as_usual(kernel: Kernel, settings: str, told: str) -> None:
    kernel.run(f"%agent_config model=mine {settings}")
    assert kernel.run("%%tinycode\n1").order[0]["text/plain"] == f"new tinycode session · {told}"
    assert f"session: {told} · mine" in kernel.run("%agent_config").streams["stdout"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("sandbox=wrkspace", "did you mean 'workspace'?"),
        ("trust_level=isolatd", "did you mean 'isolated'?"),
        ("network=internet", "network: 'internet' is none of none, host"),
        ("timeout_seconds=0", "timeout_seconds: 0 must be above 0"),
        ("max_memory_bytes=5", "max_memory_bytes: 5 must be from 67108864"),
    ],
)
def test_values_are_checked_when_they_are_set(kernel: Kernel, wrong: str, said: str) -> None:
    refused = kernel.run(f"%agent_config model=mine {wrong}")
    assert refused.error and refused.error["ename"] == "InvalidParams"
    assert said in "\n".join(refused.error["traceback"])
    assert kernel.run("%agent_config").streams["stdout"] == "session: none yet\n"


def test_paths_may_begin_with_the_home_folder(kernel: Kernel) -> None:
    kernel.run("%agent_config cwd=~/")
    assert f"cwd = {Path.home()}/\n" in kernel.run("%agent_config").streams["stdout"]


def test_help_tells_the_settings(kernel: Kernel) -> None:
    kernel.run("%agent_config?")
    page = json.dumps(kernel.reply["payload"])
    assert "sandbox" in page and "network" in page


@pytest.mark.parametrize("now", [False, True], ids=["shutdown", "kill"])
def test_no_process_outlives_the_kernel(own_kernel: Kernel, now: bool) -> None:
    own_kernel.run("%%tinycode\nx = 1")
    left = own_kernel.processes()
    assert len(left) >= 2
    own_kernel.close(now=now)
    _, alive = psutil.wait_procs(left, timeout=10)
    assert not alive


def test_unloading_ends_the_session_and_its_threads(own_kernel: Kernel) -> None:
    own_kernel.run("%%tinycode\nx = 1")
    left = own_kernel.processes()
    assert own_kernel.run("%unload_ext tinyagent").error is None
    _, alive = psutil.wait_procs(left, timeout=10)
    assert not alive
    own_kernel.run("import threading\nleft = [t for t in threading.enumerate() if t.name.startswith('tinyagent')]")
    own_kernel.run(f"for thread in left: thread.join({PATIENCE})")
    assert own_kernel.value("any(thread.is_alive() for thread in left)") == "False"
    assert "not found" in own_kernel.run("%%tinycode\n1").streams["stderr"]


def test_a_notebook_runs_from_end_to_end(model: ScriptedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PYTHONPATH": SOURCE, "TINYCODE_BINARY": BINARY, "OPENAI_BASE_URL": model.base_url}.items():
        monkeypatch.setenv(name, value)
    model.script(python("final_answer(sum(data))", "I sum up."))
    sources = [
        "%load_ext tinyagent",
        "%%tinycode\ndata = [1, 2]",
        "%%agent total\nSum up.",
        "total + 1",
        "%%tinycode\n1/0",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    client = nbclient.NotebookClient(notebook, timeout=PATIENCE, resources={"metadata": {"path": str(tmp_path)}})
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="ZeroDivisionError"):
        client.execute()
    (shown,) = notebook.cells[2].outputs
    assert "the answer is in <code>total</code>" in shown["data"]["text/html"]
    assert notebook.cells[3].outputs[0]["data"]["text/plain"] == "4"


# -- in a terminal


def test_in_a_terminal_a_run_is_text(model: ScriptedModel, tmp_path: Path) -> None:
    model.script(python("print('six')\nuncertain('sure?')", "I count."), python("final_answer(42)"))
    script = tmp_path / "session.ipy"
    cell = "get_ipython().run_cell_magic('agent', 'total', 'Count.')"
    script.write_text(f"%load_ext tinyagent\n{cell}\nprint('then', total)\n")
    env = dict(os.environ, PYTHONPATH=SOURCE, TINYCODE_BINARY=BINARY, IPYTHONDIR=str(tmp_path))
    env.update(OPENAI_BASE_URL=model.base_url, OPENAI_API_KEY="sk-of-the-test")
    command = [sys.executable, "-m", "IPython", "--colors=NoColor", str(script)]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    for part in ("── step 1 ", "I count.", "  >>> print('six')", "  │ six", "⚑ uncertain: sure?", "── answer "):
        assert part in done.stdout
    assert done.stdout.endswith("then 42\n")
    assert "<div" not in done.stdout and "\x1b" not in done.stdout
