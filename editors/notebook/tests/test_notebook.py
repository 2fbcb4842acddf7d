"""The package in a real kernel: an event loop runs there, and stdin and stdout are the kernel's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from conftest import ENDLESS, Model, code, until_gone

jupyter_client = pytest.importorskip("jupyter_client")
pytest.importorskip("ipykernel")

SETUP = """
from tinyagent import TinyCodeAgent, tool
@tool
def say(text: str) -> int:
    '''Says it.'''
    print("said " + text + chr(10), end="")
    return len(text)
agent = TinyCodeAgent(trust_level="isolated", tools=[say])
"""


class Kernel:
    """A kernel, and what its cells print."""

    def __init__(self, folder: Path) -> None:
        self.manager = jupyter_client.KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(folder))
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def cell(self, source: str, interrupt_at: str = "") -> str:
        """Runs a cell; returns what it printed, its value, or its error. Interrupts it when that is printed."""
        cell = self.client.execute(source)
        shown: List[str] = []
        while True:
            message: Dict[str, Any] = self.client.get_iopub_msg(timeout=60)
            content = message["content"]
            if message["parent_header"].get("msg_id") != cell:
                continue
            if message["msg_type"] == "stream":
                shown.append(content["text"])
                if interrupt_at and interrupt_at in "".join(shown):
                    interrupt_at = ""
                    self.manager.interrupt_kernel()
            elif message["msg_type"] == "execute_result":
                shown.append(content["data"]["text/plain"])
            elif message["msg_type"] == "error":
                shown.append(f"{content['ename']}: {content['evalue']}")
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                return "".join(shown)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(model: Model, data: Path) -> Iterator[Kernel]:
    kernel = Kernel(data)
    kernel.cell(SETUP)
    yield kernel
    kernel.close()


def test_a_notebook(kernel: Kernel, model: Model) -> None:
    model.says(code("final_answer(say('a'))"))
    assert kernel.cell("agent.run_sync('x')") == "said a\n'1'"
    model.says(code("say('bb')\nfinal_answer(open('data.csv').read(4))"))
    assert kernel.cell("await agent.run('x')") == "said bb\n'name'"
    model.says(code("final_answer(say('c'))"))
    shown = kernel.cell("agent.run_sync('x', verbose=True)")
    assert "step 1" in shown and "said c\n" in shown

    # The interrupt of a cell stops the run and keeps the session.
    model.says(code(ENDLESS))
    assert "KeyboardInterrupt" in kernel.cell("agent.run_sync('x', verbose=True)", interrupt_at="│ on")
    assert kernel.cell("agent.exec('1 + 1').value") == "'2'"

    # A kernel that is killed takes its daemon along.
    pid = json.loads(kernel.cell("agent.session.client.pid"))
    kernel.manager.shutdown_kernel(now=True)
    until_gone(pid)
