"""Python without a model: code in, results out."""

from __future__ import annotations

import inspect
import keyword
from typing import Any, Callable, Iterable, List, Mapping, Optional, Union

from .client import PathLike
from .convert import as_literal
from .errors import ExecutionError
from .options import ExecutionLimits, Network, Sandbox, TrustLevel
from .results import ExecResult, Signal
from .session import Folder, Session, session_options
from .tools import RESERVED, Tool


class PythonExecutor:
    """Runs code in a Python of the daemon, where variables last from one `run` to the next.

    Args:
        trust_level: what runs the code.
        limits: what one `run` may use.
        extra_imports: packages that code may import beyond the default list; "*" allows all.
        tools: functions that code may call.
        cwd: the folder that code works in; the current one where it is left out, None at all for False.
            A container gets a copy of it, and only if it is given.
        python: the interpreter of an isolated session; the one that runs this where it is left out.
        sandbox, network: what the code may touch and reach, as for `TinyCodeAgent`.
        client, socket, binary: the daemon, as for `TinyCodeAgent`.
    """

    def __init__(
        self,
        trust_level: Union[TrustLevel, str] = TrustLevel.LOCAL,
        limits: Union[ExecutionLimits, Mapping[str, Any], None] = None,
        extra_imports: Optional[Iterable[str]] = None,
        *,
        tools: Optional[Iterable[Union[Tool[Any], Callable[..., Any]]]] = None,
        cwd: Folder = None,
        python: Optional[PathLike] = None,
        sandbox: Union[Sandbox, str, None] = None,
        network: Union[Network, str, None] = None,
        name: Optional[str] = None,
        client: Any = None,
        socket: Optional[PathLike] = None,
        binary: Optional[PathLike] = None,
    ) -> None:
        options = session_options(trust_level, limits, extra_imports, cwd, python, sandbox, network, name)
        self._session = Session(options, tools, client=client, socket=socket, binary=binary)

    def run(self, code: str) -> ExecResult:
        """Runs code. An exception of it, a timeout and a crash are in the result: nothing is raised for them."""
        return self._session.exec(code)

    async def arun(self, code: str) -> ExecResult:
        """The same for coroutines; cancelling the task interrupts the code."""
        return await self._session.aexec(code)

    def inject(self, name: str, value: Any) -> None:
        """Makes a value, or a function, known to the code by a name.

        Values are copied: what JSON can say, tuples, sets and bytes. A function becomes a tool: it needs type
        hints, and runs here when code calls it.

        Raises:
            ValueError: the name is none, or taken.
            TypeError: the value cannot be copied (`ToolDefinitionError` for functions).
            ExecutionError: the code refused the value.
        """
        _check_name(name)
        if isinstance(value, Tool):
            self._session.register([Tool(value.function, name=name, description=value.description)])
        elif inspect.isroutine(value):
            self._session.register([Tool(value, name=name)])
        else:
            result = self.run(f"{name} = {as_literal(value)}")
            if not result.success:
                error = ExecutionError(f"'{name}' could not be set: {result.error}")
                error.result = result
                raise error

    @property
    def signals(self) -> List[Signal]:
        """The signals that code gave, oldest first."""
        return self._session.signals()

    @property
    def session_id(self) -> Optional[str]:
        """The id of the session in the daemon; None before the first run."""
        return self._session.id

    def interrupt(self) -> bool:
        """Stops what runs, from another thread; variables are kept. Says whether something ran."""
        return self._session.interrupt()

    def reset(self) -> None:
        """Forgets all variables."""
        self._session.reset()

    def kill(self) -> None:
        """Ends the Python at once, whatever it does; the next `run` has a fresh one."""
        self._session.end()

    def close(self) -> None:
        """Ends it for good."""
        self._session.close()

    def __enter__(self) -> "PythonExecutor":
        self._session.ensure()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<PythonExecutor {self._session.options['trust_level']}: {self._session.id or 'no session'}>"


def _check_name(name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"'{name}' cannot be the name of a variable")
    if name in RESERVED:
        raise ValueError(f"'{name}' cannot be replaced: code relies on it")
