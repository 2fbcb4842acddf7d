"""The settings of `%agent_config`: what there are, how they are written, and what the daemon calls them."""

from __future__ import annotations

import enum
import json
import os
from typing import Any, Dict, Tuple, Type

from .errors import InvalidParams
from .options import ExecutionLimits, Network, Sandbox, TrustLevel, one_of

#: Settings that go into a session's options as they are, with their types.
OPTIONS: Dict[str, Tuple[type, ...]] = {
    "model": (str,),
    "trust_level": (str,),
    "base_url": (str,),
    "python": (str,),
    "cwd": (str,),
    "sandbox": (str,),
    "network": (str,),
    "system_suffix": (str,),
    "prompt_file": (str,),
    "extra_imports": (list,),
}
#: Settings that are limits of the session.
LIMITS: Dict[str, Tuple[type, ...]] = {
    "timeout_seconds": (int, float),
    "max_output_bytes": (int,),
    "max_memory_bytes": (int,),
    "background_seconds": (int, float),
}
#: Settings that are no options of a session.
OTHERS: Dict[str, Tuple[type, ...]] = {"max_steps": (int,), "socket": (str,)}

_KNOWN = {**OPTIONS, **LIMITS, **OTHERS}
_CHOICES: Dict[str, Type[enum.Enum]] = {"trust_level": TrustLevel, "sandbox": Sandbox, "network": Network}
_PATHS = ("python", "cwd", "prompt_file", "socket")


def parse_setting(text: str) -> Tuple[str, Any]:
    """`name=value`, checked; the value None where the setting is to be forgotten.

    Raises:
        InvalidParams: there is no such setting, or it cannot have the value.
    """
    name, equals, given = text.partition("=")
    if not equals or name not in _KNOWN:
        raise InvalidParams(f"'{text}' is no setting", hint=f"write name=value; there are {', '.join(_KNOWN)}")
    if given in ("", "None", "default"):
        return name, None
    kinds = _KNOWN[name]
    if kinds == (str,):
        return name, checked(name, given)
    if kinds == (list,):
        return name, [part.strip() for part in given.split(",") if part.strip()]
    try:
        value = json.loads(given.replace("_", ""))
    except ValueError:
        value = None
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise InvalidParams(f"{name}: '{given}' is not a number")
    return name, checked(name, value)


def checked(name: str, value: Any) -> Any:
    """The value of a setting as the daemon is to have it.

    Raises:
        InvalidParams: it cannot be meant.
    """
    if name in _CHOICES:
        return one_of(_CHOICES[name], name, value).value
    if name in _PATHS:
        return os.path.expanduser(value)
    if name in LIMITS or name == "max_steps":
        try:
            ExecutionLimits(**{name: value})
        except ValueError as error:
            raise InvalidParams(str(error)) from None
    return value
