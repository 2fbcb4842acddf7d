"""Finds the daemon's binary."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Iterator, Optional, Union

from .errors import DaemonNotFound

NAME = "tinycode"
#: The variable that names the binary.
VARIABLE = "TINYCODE_BINARY"

_HINT = (
    "install the daemon with `cargo install --path .` in its repository, or name its binary: "
    f"`binary=...`, or the environment variable {VARIABLE}"
)


def find_binary(binary: Union[str, "os.PathLike[str]", None] = None) -> str:
    """The path of the daemon's binary.

    Looks at, in this order: the argument, the environment variable `TINYCODE_BINARY`, a binary shipped with
    this package or beside the interpreter, PATH, and `~/.cargo/bin`. What is named is used or refused, never
    replaced by what is found.

    Raises:
        DaemonNotFound: there is none.
    """
    if binary is not None:
        return _named(os.fspath(binary), "binary")
    variable = os.environ.get(VARIABLE)
    if variable:
        return _named(variable, VARIABLE)
    for candidate in _candidates():
        if os.access(candidate, os.X_OK) and candidate.is_file():
            return str(candidate)
    raise DaemonNotFound(f"the {NAME} daemon was not found", hint=_HINT)


def _named(name: str, source: str) -> str:
    # A bare name is looked for on PATH, as a shell would.
    found = shutil.which(os.path.expanduser(name))
    if found is None:
        raise DaemonNotFound(f"{source}: '{name}' is not a program", hint=_HINT)
    return os.path.abspath(found)


def _candidates() -> Iterator[Path]:
    yield Path(__file__).parent / "bin" / NAME
    if sys.executable:
        yield Path(sys.executable).parent / NAME
    on_path: Optional[str] = shutil.which(NAME)
    if on_path:
        yield Path(on_path).absolute()
    try:
        yield Path.home() / ".cargo" / "bin" / NAME
    except RuntimeError:  # there is no home
        return
