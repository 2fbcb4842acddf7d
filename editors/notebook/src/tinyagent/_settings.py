"""The settings of `%agent_config`: what there are, how they are written, and what the daemon calls them."""

from __future__ import annotations

import enum
import json
import os
import re
from typing import Any, Dict, Mapping, Tuple, Type

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

#: Options as the daemon quotes them: ``the option `sandbox: "off"` ``, `` `limits.max_memory_bytes` ``.
_QUOTED = re.compile(rf"(?:the option `(?:limits\.)?|`limits\.)(?P<name>{'|'.join(_KNOWN)})(?:: \"(?P<value>\w+)\")?`")
_RANGE = re.compile(rf"^limits\.(?={'|'.join(_KNOWN)})")
#: What else the daemon says to do with options, and what to do in a notebook.
_ADVICE = {
    "add it to extra_imports": "add it to `%agent_config extra_imports=...`",
    'use trust_level "isolated"': "use `%agent_config trust_level=isolated`",
    "set model to a name": "set `%agent_config model=...` to a name",
    "set base_url (or OPENAI_BASE_URL)": "set `%agent_config base_url=...` (or OPENAI_BASE_URL)",
    "raise max_steps,": "raise `%agent_config max_steps=...`,",
    "lower max_steps": "lower `%agent_config max_steps=...`",
    "give api_key beside base_url": "set OPENAI_API_KEY",
    "OPENAI_API_KEY or api_key": "OPENAI_API_KEY",
}


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


def as_settings(text: str) -> str:
    """What the daemon says of options, in the words of a notebook."""
    text = _RANGE.sub("", _requoted(text))
    for said, meant in _ADVICE.items():
        text = text.replace(said, meant)
    return text


def _requoted(text: str) -> str:
    return _QUOTED.sub(lambda found: f"`%agent_config {found['name']}={found['value'] or '...'}`", text)


def told(result: Mapping[str, Any]) -> Dict[str, Any]:
    """A result, or an event, in which the daemon speaks of options in the words of a notebook."""
    shown = dict(result)
    if shown.get("background"):  # the daemon says there too what it has paused, amidst what the code prints
        shown["text"] = _requoted(shown["text"])
    if isinstance(shown.get("result"), Mapping):
        shown["result"] = told(shown["result"])
    if shown.get("error"):
        shown["error"] = {
            name: as_settings(value) if name in ("message", "traceback", "hint") and value else value
            for name, value in shown["error"].items()
        }
    return shown
