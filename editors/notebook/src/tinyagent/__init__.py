"""tinyagent: an agent that works by writing Python, for scripts and notebooks.

The client of the tinycode daemon. `TinyCodeAgent` gives tasks to a model, `PythonExecutor` runs code without
one, `tool` makes functions that generated code may call, `Client` speaks the daemon's whole protocol, and
`%load_ext tinyagent` brings magics to notebooks.
"""

from typing import Any

from .agent import TinyCodeAgent
from .binary import find_binary
from .calls import Call, Event, EventStream
from .client import Client, Subscription
from .errors import (
    CallTimeout,
    Cancelled,
    ClientClosed,
    DaemonDied,
    DaemonNotFound,
    ExecutionError,
    InternalError,
    InvalidParams,
    InvalidRequest,
    LimitExceeded,
    MethodNotFound,
    ModelError,
    SessionBusy,
    SessionNotFound,
    StepLimitReached,
    TinycodeError,
    ToolDefinitionError,
    ToolError,
    TrustLevelUnavailable,
    Unauthorized,
)
from .executor import PythonExecutor
from .memory import (
    ActionStep,
    Memory,
    MemoryContents,
    MemoryManager,
    MemoryStep,
    ScratchpadStep,
    SystemPromptStep,
    TaskStep,
)
from .options import ExecutionLimits, Network, PruneStrategy, Sandbox, TrustLevel
from .results import ExecResult, FinalAnswer, PythonError, RunError, RunResult, Signal, StepResult
from .tools import Tool, tool

__version__ = "0.1.0"


def load_ipython_extension(ipython: Any) -> None:
    """`%load_ext tinyagent`."""
    # Here and not above: the package works where IPython is not installed.
    from .magics import load_ipython_extension as load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """`%unload_ext tinyagent`."""
    from .magics import unload_ipython_extension as unload

    unload(ipython)


__all__ = [
    "ActionStep",
    "Call",
    "CallTimeout",
    "Cancelled",
    "Client",
    "ClientClosed",
    "DaemonDied",
    "DaemonNotFound",
    "Event",
    "EventStream",
    "ExecResult",
    "ExecutionError",
    "ExecutionLimits",
    "FinalAnswer",
    "InternalError",
    "InvalidParams",
    "InvalidRequest",
    "LimitExceeded",
    "Memory",
    "MemoryContents",
    "MemoryManager",
    "MemoryStep",
    "MethodNotFound",
    "ModelError",
    "Network",
    "PruneStrategy",
    "PythonError",
    "PythonExecutor",
    "RunError",
    "RunResult",
    "ScratchpadStep",
    "Sandbox",
    "SessionBusy",
    "SessionNotFound",
    "Signal",
    "StepLimitReached",
    "StepResult",
    "Subscription",
    "SystemPromptStep",
    "TaskStep",
    "TinyCodeAgent",
    "TinycodeError",
    "Tool",
    "ToolDefinitionError",
    "ToolError",
    "TrustLevel",
    "TrustLevelUnavailable",
    "Unauthorized",
    "find_binary",
    "load_ipython_extension",
    "tool",
    "unload_ipython_extension",
]
