"""Values of tools between Python and JSON."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import math
import pathlib
import uuid
from collections.abc import Mapping, Set
from decimal import Decimal
from typing import Any

#: The most that a value may be nested: what the daemon reads, with room for what is around the value.
_DEEPEST = 100


def to_json(value: Any) -> Any:
    """The value as JSON has it: numbers, strings, booleans, None, lists, dicts with strings as keys.

    Takes dataclasses, enums, tuples, sets, dates, paths, named tuples, and what knows how to convert itself:
    numpy's scalars and arrays, pandas' objects, models of pydantic.

    Raises:
        TypeError: JSON cannot say it.
        ValueError: it holds nan or inf, which JSON cannot say, or is nested too deeply.
    """
    return _to_json(value, "", 0)


def _to_json(value: Any, where: str, depth: int) -> Any:
    if value is None or value is True or value is False:
        return value
    if isinstance(value, enum.Enum):
        return _to_json(value.value, where, depth)
    if isinstance(value, (str, int)):
        # Subclasses may print themselves differently: JSON is to have the plain value.
        return str.__str__(value) if isinstance(value, str) else int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{_the(where)} is {value!r}, which JSON cannot say; use None or a string in its place")
        return float(value)
    if depth >= _DEEPEST:
        raise ValueError(f"{_the(where[:60])} is nested more than {_DEEPEST} deep")
    if isinstance(value, Mapping):
        return {_key(key, where): _to_json(item, f"{where}[{key!r}]", depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json(item, f"{where}[{number}]", depth + 1) for number, item in enumerate(value)]
    return _object_to_json(value, where, depth)


def _object_to_json(value: Any, where: str, depth: int) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {item.name: _to_json(getattr(value, item.name), f"{where}.{item.name}", depth + 1) for item in fields}
    if isinstance(value, Set):
        return [_to_json(item, where, depth + 1) for item in _in_order(value)]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (pathlib.PurePath, uuid.UUID, Decimal)):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        hint = "decode it, or return base64 text"
        raise TypeError(f"{_the(where)} is {type(value).__name__}, which JSON cannot say; {hint}")
    if isinstance(value, type):
        raise TypeError(f"{_the(where)} is the class {value.__name__}, which JSON cannot say")
    # In this order: pandas' Series and DataFrame have `item` or `tolist` too, but lose their labels by it.
    for method in ("model_dump", "to_dict", "tolist", "item"):
        convert = getattr(value, method, None)
        if callable(convert):
            converted = convert(*_arguments(value, method))
            if type(converted) is not type(value):
                return _to_json(converted, where, depth + 1)
    raise TypeError(
        f"{_the(where)} is of type {type(value).__name__}, which JSON cannot say; "
        "return numbers, strings, lists or dicts"
    )


def _arguments(value: Any, method: str) -> "tuple[str, ...]":
    # A table is a list of its rows to whoever reads it; pandas would give its columns.
    is_table = method == "to_dict" and hasattr(value, "columns") and hasattr(value, "iterrows")
    return ("records",) if is_table else ()


def _in_order(values: "Set[Any]") -> "list[Any]":
    try:
        return sorted(values)
    except TypeError:
        return list(values)


def _key(key: Any, where: str) -> str:
    if isinstance(key, enum.Enum):
        key = key.value
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, bool) or key is None:
        return {True: "true", False: "false", None: "null"}[key]
    if isinstance(key, (int, float)):
        return repr(key)
    item = getattr(key, "item", None)
    if callable(item):  # a scalar of numpy
        return _key(item(), where)
    if isinstance(key, (datetime.date, pathlib.PurePath, uuid.UUID)):
        return str(key)
    raise TypeError(f"{_the(where)} has a key of type {type(key).__name__}, which JSON cannot say; use strings")


def _the(where: str) -> str:
    return f"the value at {where}" if where else "the value"


def as_literal(value: Any) -> str:
    """Python source that makes the value: one of JSON's, or a tuple, set or bytes.

    Raises:
        TypeError: no literal makes it.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if isinstance(value, (tuple, set)) and type(value) in (tuple, set):
        inner = ", ".join(map(as_literal, value))
        if isinstance(value, set):
            return f"{{{inner}}}" if value else "set()"
        return f"({inner},)" if value else "()"
    if type(value) is list:
        return f"[{', '.join(map(as_literal, value))}]"
    if type(value) is dict:
        return f"{{{', '.join(f'{as_literal(key)}: {as_literal(item)}' for key, item in value.items())}}}"
    if value is None or type(value) in (bool, int, float, str, bytes, complex):
        return repr(value)
    return as_literal(to_json(value))
