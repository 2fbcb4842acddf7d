"""Magics for Jupyter, VS Code and IPython: `%load_ext tinyagent`.

`%%agent` gives a task to a model, `%%tinycode` runs a cell in the same session of the daemon, and
`%agent_config` says how sessions are made. All that a kernel runs shares one session.
"""

# IPython's functions have no types.
# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

import contextlib
import html
import keyword
import shlex
import sys
from typing import Any, ClassVar, Dict, Iterator, List, Mapping, Optional, Tuple, Type, Union

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, output_can_be_silenced
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display

from ._live import LiveCell, LiveHtml, LiveText
from ._notebook import Interrupted, NotebookSession, settings_of
from ._plain import printable
from ._settings import as_settings, parse_setting, told
from .display import RunView
from .errors import TinycodeError, error_of_kind

#: The name that the answer is bound to where the cell names none, and that of the run itself.
ANSWER, RUN = "_agent", "_agent_run"
_MAX_STEPS = 10
_NOT_IPYTHON = (
    "IPython's `!` and `%` lines run in the notebook's own kernel, not in the session; use subprocess.run([...])"
)
#: What an interrupt has left of the session; None where no result tells.
_LEFT: Dict[Optional[str], str] = {
    "kept": "the session is kept",
    "restored": "the session is as it was before the code that was stopped",
    "lost": "the session's variables are gone",
    None: "what is left of the session is not known yet",
}


class CellFailed(Exception):
    """Ends a cell as failed without a traceback of this package: what matters has been said."""

    shown: ClassVar[List[str]] = []

    def _render_traceback_(self) -> List[str]:
        return self.shown


def failure(name: str, message: str, traceback: str = "", *, colour: bool = True) -> CellFailed:
    """An exception that front ends show as `name: message`, below the traceback of the daemon's Python."""
    name = name if name.isidentifier() else "Error"
    base: Tuple[Type[BaseException], ...] = (CellFailed,)
    if name == "KeyboardInterrupt":
        base = (CellFailed, KeyboardInterrupt)
    kind: Type[CellFailed] = type(name, base, {"__module__": "tinyagent"})
    lines = printable(traceback).rstrip().splitlines() or f"{name}: {printable(message)}".splitlines()
    if colour:
        lines = [f"\x1b[31m{name}\x1b[39m{line[len(name) :]}" if line.startswith(name) else line for line in lines]
    kind.shown = ["\n".join(lines)]
    return kind(printable(message))


class RemoteValue:
    """The value of a cell that ran in the daemon: its `repr`, and what notebooks show of it."""

    def __init__(self, text: str, data: Mapping[str, Any]) -> None:
        self._text = printable(text)
        self._data = {"text/plain": self._text, **data}

    def __repr__(self) -> str:
        return self._text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Dict[str, Any]:
        return dict(self._data)


@magics_class
class TinycodeMagics(Magics):
    """The magics of one kernel."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.session = NotebookSession()

    @magic_arguments()
    @argument("name", nargs="?", default=ANSWER, help=f"variable for the answer, {ANSWER} where it is left out")
    @argument("--model", "-m", help="model of the session, as its server calls it")
    @argument("--trust", "-t", metavar="LEVEL", help="trust level of the session: local, isolated or sandboxed")
    @argument("--max-steps", "-n", type=int, metavar="N", help=f"turns that the model has, {_MAX_STEPS} by default")
    @argument("--fresh", action="store_true", help="begin a new session; the variables of this one are lost")
    @cell_magic
    def agent(self, line: str, cell: str) -> None:
        """Gives the task in this cell to a model, which writes Python until it has the answer.

        The code runs in the notebook's tinycode session, beside the cells of %%tinycode. The answer is
        bound to a variable here, the run with its steps to `_agent_run`.
        """
        args = parse_argstring(self.agent, line)
        if not args.name.isidentifier() or keyword.iskeyword(args.name):
            raise UsageError(f"%%agent: '{args.name}' cannot be the name of a variable")
        if not cell.strip():
            raise UsageError("%%agent: write the task into the cell")
        with self._plainly():
            self.session.ensure(fresh=args.fresh, model=args.model, trust_level=args.trust)
            self._run(cell.strip(), args.name, args.max_steps or self.session.config.get("max_steps", _MAX_STEPS))

    def _run(self, task: str, name: str, max_steps: int) -> None:
        view = RunView(task, about=self.session.about, show_task=False)
        view.bound_to = name
        live: Union[LiveHtml, LiveText] = LiveHtml(view) if self._shows_html else LiveText(view)
        self._assign(RUN, view)
        try:
            result = self.session.perform(
                "run", live.feed, live.tick, task=task, max_steps=max_steps, return_result=True
            )
        except KeyboardInterrupt as stop:
            view.show_task = True
            message = interrupted("run", stop, view.state_left)
            if not view.finished:
                view.finish({"state": "cancelled"})
            live.finish()
            raise self._failure("KeyboardInterrupt", message) from None
        except TinycodeError as error:
            view.finish(told({"state": "error", "error": {"message": error.message, "hint": error.hint}}))
            live.finish()
            raise
        if not view.finished:
            view.finish(result)
        live.finish()
        # Shown again elsewhere, it no longer stands below its task.
        view.show_task = True
        if not view.answered:
            why = result.get("error") or {}
            kind = error_of_kind(str(why.get("type")), str(why.get("message")))
            raise self._failure(type(kind).__name__, kind.message)
        self._assign(name, view.answer)

    @magic_arguments()
    @argument("--fresh", action="store_true", help="begin a new session; the variables of this one are lost")
    @output_can_be_silenced
    @cell_magic
    def tinycode(self, line: str, cell: str) -> Optional[RemoteValue]:
        """Runs this cell in the notebook's tinycode session, where the code of %%agent runs."""
        args = parse_argstring(self.tinycode, line)
        with self._plainly():
            if self.session.ensure(fresh=args.fresh):
                self._say(f"new tinycode session · {self.session.bounds}")
            return self._exec(cell)

    def _exec(self, code: str) -> Optional[RemoteValue]:
        live = LiveCell()
        try:
            result = self.session.perform("exec", live.feed, live.tick, code=code)
        except KeyboardInterrupt as stop:
            error = (live.result or {}).get("error") or {}
            message = interrupted("cell", stop, live.state_left)
            raise self._failure("KeyboardInterrupt", message, error.get("traceback") or "") from None
        for note in _notes(result, code):
            print(f"tinycode: {note}", file=sys.stderr, flush=True)
        error = result.get("error")
        if error:
            raise self._failure(error["type"], error["message"], error.get("traceback") or "")
        if result.get("value") is not None:
            return RemoteValue(result["value"], live.display)
        return RemoteValue(repr(result["final_value"]), {}) if result.get("is_final") else None

    @line_magic
    def agent_config(self, line: str) -> None:
        """Says how tinycode sessions of this notebook are made: `%agent_config model=gpt-4o timeout_seconds=60`.

        Settings: model, trust_level (local, isolated or sandboxed), sandbox (of isolated code: strict, workspace or
        off), network (none or host), base_url, python, cwd, system_suffix, prompt_file, extra_imports
        (comma-separated), timeout_seconds, max_output_bytes, max_memory_bytes, background_seconds, max_steps, and
        socket (of a daemon that runs already). `name=` forgets one. Without any, tells what is set. Keys of models
        are no settings, so that no notebook holds one: set OPENAI_API_KEY.
        """
        with self._plainly():
            settings = dict(parse_setting(word) for word in shlex.split(line))
            if settings and self.session.configure(settings):
                self._say("the session that runs stays as it is; %%agent --fresh begins a new one")
            if not settings:
                for name, value in settings_of(self.session):
                    print(f"{name} = {value}" if name != "session" else f"session: {value}")

    def close(self) -> None:
        """Ends the session; the daemon ends when nobody else uses it."""
        self.session.close()

    @property
    def _shows_html(self) -> bool:
        # A kernel of any front end has this; IPython in a terminal has not.
        return getattr(self.shell, "kernel", None) is not None

    def _say(self, text: str) -> None:
        if self._shows_html:
            small = f'<small style="opacity:.7">{html.escape(text)}</small>'
            display({"text/html": small, "text/plain": text}, raw=True)
        else:
            print(text)

    def _assign(self, name: str, value: Any) -> None:
        assert self.shell
        self.shell.user_ns[name] = value

    def _failure(self, name: str, message: str, traceback: str = "") -> CellFailed:
        plain = str(getattr(self.shell, "colors", "")).lower() == "nocolor"
        return failure(name, message, traceback, colour=not plain)

    @contextlib.contextmanager
    def _plainly(self) -> Iterator[None]:
        """Shows an error of the daemon as its message and hint; where it was raised here helps nobody."""
        try:
            yield
        except TinycodeError as error:
            raise self._failure(type(error).__name__, as_settings(str(error))) from None


def interrupted(what: str, stop: KeyboardInterrupt, state: Optional[str]) -> str:
    """What is said of an interrupt. `state` is what the results that came say of the Python state."""
    ended = isinstance(stop, Interrupted) and stop.ended
    return f"the {what} was interrupted; {_LEFT[state if ended else None]}"


def _notes(result: Mapping[str, Any], code: str) -> List[str]:
    """What a cell's user must know beside its output."""
    notes = []
    if result.get("output_truncated"):
        notes.append("output was cut; %agent_config max_output_bytes=... and --fresh allow more")
    if result.get("timeout"):
        notes.append("the cell took too long; %agent_config timeout_seconds=... and --fresh allow more")
    error = result.get("error")
    if error:  # it says what became of the state
        return [*notes, _NOT_IPYTHON] if _is_of_ipython(error, code) else notes
    if result.get("state") == "restored":
        notes.append("the session is as it was before this cell")
    elif result.get("state") == "lost":
        notes.append("the session could not be kept: its variables are gone")
    return notes


def _is_of_ipython(error: Mapping[str, Any], code: str) -> bool:
    """Whether what is no Python in the code is a command to a shell, or a magic."""
    line = error.get("line")
    if error["type"] != "SyntaxError" or not line:
        return False
    return "".join(code.split("\n")[line - 1 : line]).lstrip().startswith(("!", "%"))


_loaded: Dict[int, TinycodeMagics] = {}


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """`%load_ext tinyagent`."""
    if id(ipython) not in _loaded:
        magics = TinycodeMagics(ipython)
        ipython.register_magics(magics)
        _loaded[id(ipython)] = magics


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """`%unload_ext tinyagent`: ends the session and takes the magics away."""
    magics = _loaded.pop(id(ipython), None)
    if magics is None:
        return
    magics.close()
    for kind, name in (("cell", "agent"), ("cell", "tinycode"), ("line", "agent_config")):
        ipython.magics_manager.magics[kind].pop(name, None)
