"""Type hints to JSON Schema, and JSON values back to what the hints promise."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import enum
import inspect
import pathlib
import sys
import typing
from decimal import Decimal
from typing import Any, Callable, Dict, List, Tuple, Union

_PLAIN: Dict[Any, Dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    type(None): {"type": "null"},
    None: {"type": "null"},
    dict: {"type": "object"},
    list: {"type": "array"},
    tuple: {"type": "array"},
    set: {"type": "array", "uniqueItems": True},
    frozenset: {"type": "array", "uniqueItems": True},
    datetime.date: {"type": "string", "format": "date"},
    datetime.datetime: {"type": "string", "format": "date-time"},
    datetime.time: {"type": "string", "format": "time"},
    pathlib.Path: {"type": "string"},
    Decimal: {"type": "string"},
}
_LISTS = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_SETS = (set, frozenset, collections.abc.Set)
_DICTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_UNIONS: Tuple[Any, ...] = (Union,)
if sys.version_info >= (3, 10):
    import types

    _UNIONS = (Union, types.UnionType)


class NoSchema(TypeError):
    """A hint that has no JSON Schema; the message says why."""


def schema_of(hint: Any) -> Dict[str, Any]:
    """The JSON Schema of the values that a hint stands for.

    Raises:
        NoSchema: there is none.
    """
    return _schema(hint, ())


def _schema(hint: Any, inside: Tuple[Any, ...]) -> Dict[str, Any]:
    if hint is Any or hint is object:
        return {}
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is not None:
        return _generic(hint, origin, arguments, inside)
    if isinstance(hint, collections.abc.Hashable) and hint in _PLAIN:
        return dict(_PLAIN[hint])
    if isinstance(hint, type):
        return _class(hint, inside)
    if isinstance(hint, typing.TypeVar):
        return _schema(hint.__bound__, inside) if hint.__bound__ else {}
    raise NoSchema(f"JSON has nothing like {_name(hint)}")


def _generic(hint: Any, origin: Any, arguments: Tuple[Any, ...], inside: Tuple[Any, ...]) -> Dict[str, Any]:
    if _is_annotated(hint):
        described = _schema(arguments[0], inside)
        texts = [extra for extra in arguments[1:] if isinstance(extra, str)]
        return {**described, "description": " ".join(texts)} if texts else described
    if origin in _UNIONS:
        return _union([_schema(argument, inside) for argument in arguments])
    if origin is typing.Literal:
        return _enumeration(arguments)
    if origin is tuple:
        return _tuple(arguments, inside)
    if origin in _DICTS:
        if not _is_key(arguments[0]):
            raise NoSchema(f"the keys of {_name(hint)} are not strings, as JSON's are")
        return {"type": "object", "additionalProperties": _schema(arguments[1], inside)}
    if origin in _LISTS:
        return {"type": "array", "items": _schema(arguments[0], inside)}
    if origin in _SETS:
        return {"type": "array", "items": _schema(arguments[0], inside), "uniqueItems": True}
    raise NoSchema(f"JSON has nothing like {_name(hint)}")


def _union(parts: List[Dict[str, Any]]) -> Dict[str, Any]:
    if all(set(part) == {"type"} and isinstance(part["type"], str) for part in parts):
        return {"type": list(dict.fromkeys(part["type"] for part in parts))}
    return {"anyOf": parts}


def _enumeration(values: Tuple[Any, ...]) -> Dict[str, Any]:
    values = tuple(value.value if isinstance(value, enum.Enum) else value for value in values)
    names = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    kinds = list(dict.fromkeys(names.get(type(value), "") for value in values))
    if "" in kinds:
        raise NoSchema(f"not all of {', '.join(map(repr, values))} are strings, numbers, booleans or None")
    return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": list(values)}


def _tuple(arguments: Tuple[Any, ...], inside: Tuple[Any, ...]) -> Dict[str, Any]:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return {"type": "array", "items": _schema(arguments[0], inside)}
    items = [] if arguments == ((),) else [_schema(argument, inside) for argument in arguments]
    bounds = {"minItems": len(items), "maxItems": len(items)}
    return {"type": "array", "prefixItems": items, **bounds} if items else {"type": "array", **bounds}


def _class(cls: type, inside: Tuple[Any, ...]) -> Dict[str, Any]:
    if cls in inside:
        raise NoSchema(f"{cls.__name__} contains itself")
    if issubclass(cls, enum.Enum):
        return _enumeration(tuple(member.value for member in cls))
    if dataclasses.is_dataclass(cls):
        hints = hints_of(cls)
        fields = [item for item in dataclasses.fields(cls) if item.init]
        missing = dataclasses.MISSING
        required = [item.name for item in fields if item.default is missing and item.default_factory is missing]
        return _object({item.name: _schema(hints[item.name], (*inside, cls)) for item in fields}, required)
    if typing.is_typeddict(cls) if sys.version_info >= (3, 10) else hasattr(cls, "__total__"):
        properties = {name: _schema(hint, (*inside, cls)) for name, hint in hints_of(cls).items()}
        return _object(properties, sorted(getattr(cls, "__required_keys__", properties)))
    for plain in (str, int, float, datetime.date, pathlib.PurePath):
        if issubclass(cls, plain):
            return dict(_PLAIN.get(plain, {"type": "string"}))
    raise NoSchema(f"JSON has nothing like {cls.__name__}; use a dataclass, or plain types")


def _object(properties: Dict[str, Any], required: List[str]) -> Dict[str, Any]:
    schema: Dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return {**schema, "additionalProperties": False}


def _is_key(hint: Any) -> bool:
    if isinstance(hint, type):
        return issubclass(hint, (str, int, enum.Enum))
    return hint is Any or typing.get_origin(hint) is typing.Literal


def _is_annotated(hint: Any) -> bool:
    return hasattr(hint, "__metadata__")


def hints_of(thing: Any) -> Dict[str, Any]:
    """Its type hints, with names resolved and descriptions kept.

    Raises:
        NoSchema: a hint names what does not exist (yet).
    """
    try:
        return typing.get_type_hints(thing, include_extras=True)
    except Exception as error:  # hints are code: whatever it raises
        raise NoSchema(f"its type hints cannot be read: {error}") from error


def _name(hint: Any) -> str:
    return inspect.formatannotation(hint)


def from_json(value: Any, hint: Any) -> Any:
    """The value that a hint promises, made from what JSON has: an enum's member, a dataclass, a tuple.

    What does not fit is handed on as it is: the daemon has checked it against the schema.
    """
    convert = _converter(hint)
    return value if convert is None else convert(value)


def _converter(hint: Any) -> "Callable[[Any], Any] | None":
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if _is_annotated(hint):
        return _converter(arguments[0])
    if origin in _UNIONS:
        return lambda value: _first_that_fits(value, arguments)
    if origin is tuple and arguments:
        return lambda value: _to_tuple(value, arguments)
    if origin in _DICTS and len(arguments) == 2:
        return lambda value: {_key(key, arguments[0]): from_json(item, arguments[1]) for key, item in value.items()}
    if origin in _LISTS and arguments:
        return lambda value: [from_json(item, arguments[0]) for item in value]
    if origin in _SETS and arguments:
        made = frozenset if origin is frozenset else set
        return lambda value: made(from_json(item, arguments[0]) for item in value)
    if isinstance(hint, type) and origin is None:
        return _class_converter(hint)
    return None


def _class_converter(cls: type) -> "Callable[[Any], Any] | None":
    if cls in (tuple, set, frozenset, Decimal, pathlib.Path) or issubclass(cls, enum.Enum):
        return cls
    if cls is float:
        return lambda value: float(value) if type(value) is int else value
    if dataclasses.is_dataclass(cls):
        hints = hints_of(cls)
        return lambda value: cls(**{name: from_json(item, hints[name]) for name, item in value.items()})
    if cls in (datetime.date, datetime.datetime, datetime.time):
        return cls.fromisoformat
    return None


def _key(key: str, hint: Any) -> Any:
    return int(key) if hint is int else from_json(key, hint)


def _to_tuple(value: Any, arguments: Tuple[Any, ...]) -> Any:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(from_json(item, arguments[0]) for item in value)
    if len(arguments) != len(value):
        return tuple(value)
    return tuple(from_json(item, hint) for item, hint in zip(value, arguments))


def _first_that_fits(value: Any, hints: Tuple[Any, ...]) -> Any:
    for hint in hints:
        if _fits(value, hint):
            return from_json(value, hint)
    return value


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value of JSON may stand for the hint, seen from outside."""
    try:
        schema = schema_of(hint)
    except NoSchema:
        return False
    if "enum" in schema:
        return value in schema["enum"]
    kinds = schema.get("type")
    if kinds == "object" and isinstance(value, dict):
        return set(schema.get("required", ())) <= set(value)
    names = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null", list: "array"}
    name = names.get(type(value), "object")
    return kinds is None or name in (kinds if isinstance(kinds, list) else [kinds])
