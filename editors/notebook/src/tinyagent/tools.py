"""Functions that generated code may call: `@tool`."""

from __future__ import annotations

import functools
import inspect
import keyword
from typing import Any, Callable, Dict, Generic, Iterable, List, Optional, TypeVar, Union, overload

from .convert import to_json
from .docstrings import read_docstring
from .errors import ToolDefinitionError
from .schema import NoSchema, from_json, hints_of, schema_of

R = TypeVar("R")

#: Names that generated code has already.
RESERVED = frozenset(
    ("final_answer", "uncertain", "explore", "commit", "memory", "store", "recall", "observe"),
)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Tool(Generic[R]):
    """A function that generated code may call by its name. Calling the tool calls the function.

    Attributes:
        name: what the code calls.
        description: what the model is told of it.
        parameters: JSON Schema of the parameters.
        returns: JSON Schema of what it returns.
    """

    def __init__(
        self,
        function: Callable[..., R],
        *,
        name: Optional[str] = None,
        description: Optional[str] = None,
    ) -> None:
        self.function = function
        self._given_name, self._given_description = name, description
        self.name = name if name is not None else getattr(function, "__name__", "")
        _check_name(self.name)
        _check_kind(function, self.name)
        self._signature = _signature(function, self.name)
        self._hints = _hints(function, self.name)
        text, documented = read_docstring(inspect.getdoc(function) or "")
        self.description = text if description is None else description
        self.parameters = self._parameters(documented)
        self.returns = self._schema("return", "what it returns")
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> R:
        return self.function(*args, **kwargs)

    def __get__(self, instance: Any, owner: Optional[type] = None) -> "Tool[R]":
        # A decorated method is a tool once it is bound to an instance.
        if instance is None or not hasattr(self.function, "__get__"):
            return self
        bound = self.function.__get__(instance, owner)
        return Tool(bound, name=self._given_name, description=self._given_description)

    def __repr__(self) -> str:
        return f"<tool {self.name}{self._signature}>"

    def __reduce__(self) -> Any:
        # As functions are pickled: by where they are found.
        return getattr(self.function, "__qualname__", self.name)

    def run(self, args: List[Any], kwargs: Dict[str, Any]) -> Any:
        """Calls the function with values of JSON, and returns what it returns as JSON has it."""
        bound = self._signature.bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            hint = self._hints.get(name, Any)
            kind = self._signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_POSITIONAL:
                bound.arguments[name] = tuple(from_json(item, hint) for item in value)
            elif kind is inspect.Parameter.VAR_KEYWORD:
                bound.arguments[name] = {key: from_json(item, hint) for key, item in value.items()}
            else:
                bound.arguments[name] = from_json(value, hint)
        return to_json(self.function(*bound.args, **bound.kwargs))

    def to_wire(self) -> Dict[str, Any]:
        """The tool as the protocol has it."""
        return {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
            "returns": self.returns,
            "kind": "client",
        }

    def _parameters(self, documented: Dict[str, str]) -> Dict[str, Any]:
        properties: Dict[str, Any] = {}
        required: List[str] = []
        for parameter in self._own_parameters():
            if parameter.kind in _VARIADIC:
                raise ToolDefinitionError(
                    f"tool '{self.name}': '{parameter}' stands for any number of arguments",
                    hint="take a list or a dict instead",
                )
            schema = self._schema(parameter.name, f"parameter '{parameter.name}'")
            if parameter.name in documented:
                schema.setdefault("description", documented[parameter.name])
            if parameter.default is parameter.empty:
                required.append(parameter.name)
            else:
                schema.update(_default(parameter.default))
            properties[parameter.name] = schema
        schema = {"type": "object", "properties": properties, "required": required}
        return {**schema, "additionalProperties": False}

    def _own_parameters(self) -> Iterable[inspect.Parameter]:
        parameters = list(self._signature.parameters.values())
        if parameters and _is_unbound_method(self.function, parameters[0].name):
            return parameters[1:]
        return parameters

    def _schema(self, name: str, what: str) -> Dict[str, Any]:
        if name not in self._hints:
            example = "-> int" if name == "return" else f"{name}: int"
            raise ToolDefinitionError(
                f"tool '{self.name}': {what} has no type hint",
                hint=f"write one, such as `{example}`: the model is told it, and arguments are checked against it",
            )
        try:
            return schema_of(self._hints[name])
        except NoSchema as error:
            raise ToolDefinitionError(f"tool '{self.name}': {what}: {error}") from error


@overload
def tool(function: Callable[..., R], /) -> Tool[R]: ...
@overload
def tool(
    function: None = None, /, *, name: Optional[str] = None, description: Optional[str] = None
) -> Callable[[Callable[..., R]], Tool[R]]: ...


def tool(
    function: Optional[Callable[..., R]] = None,
    /,
    *,
    name: Optional[str] = None,
    description: Optional[str] = None,
) -> Union[Tool[R], Callable[[Callable[..., R]], Tool[R]]]:
    """Makes a function one that generated code may call; it can be called as before, too.

    Every parameter and the result need a type hint: the model is told them, and arguments are checked against
    them. The docstring tells the model what the function does. The function runs in this process, in a thread
    of its own; what it returns has to be something that JSON can say, or that converts to it, as dataclasses,
    tuples, enums and numpy's scalars do.

    Args:
        name: what generated code calls; the function's name otherwise.
        description: what the model is told; the docstring otherwise.

    Raises:
        ToolDefinitionError: a type hint is missing or cannot be said in JSON, the name is taken or no
            identifier, or the function is async.
    """
    if function is None:
        return lambda decorated: Tool(decorated, name=name, description=description)
    return Tool(function)


def as_tools(tools: Optional[Iterable[Union[Tool[Any], Callable[..., Any]]]]) -> List[Tool[Any]]:
    """The tools, with plain functions made tools.

    Raises:
        ToolDefinitionError: one cannot be a tool, or two have the same name.
    """
    if tools is None:
        return []
    if callable(tools):
        raise ToolDefinitionError("tools must be a list of functions", hint="write `tools=[...]`")
    made = [item if isinstance(item, Tool) else tool(item) for item in tools]
    names = [item.name for item in made]
    for name in names:
        if names.count(name) > 1:
            raise ToolDefinitionError(f"two tools are called '{name}'", hint="give one `@tool(name=...)`")
    return made


def _check_name(name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name):
        hint = "give it one with `@tool(name=...)`"
        raise ToolDefinitionError(f"a tool cannot be called '{name}': that is no name in Python", hint=hint)
    if name in RESERVED:
        hint = "give it another with `@tool(name=...)`"
        raise ToolDefinitionError(f"a tool cannot be called '{name}': generated code has that name already", hint=hint)


def _check_kind(function: Any, name: str) -> None:
    if not callable(function):
        raise ToolDefinitionError(f"tool '{name}' is of type {type(function).__name__}, which cannot be called")
    called = function if inspect.isroutine(function) else type(function).__call__
    while isinstance(function, functools.partial):
        called = function = function.func
    if inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called):
        raise ToolDefinitionError(
            f"tool '{name}' is async, but generated code calls tools as plain functions",
            hint="write `def`, and `asyncio.run(...)` inside it: tools run in threads of their own",
        )
    if inspect.isgeneratorfunction(called):
        raise ToolDefinitionError(f"tool '{name}' is a generator", hint="return a list")


def _signature(function: Callable[..., Any], name: str) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        hint = "wrap it in a function with type hints"
        raise ToolDefinitionError(f"tool '{name}' does not say what parameters it has", hint=hint) from None


def _hints(function: Any, name: str) -> Dict[str, Any]:
    while isinstance(function, functools.partial):
        function = function.func
    if not inspect.isroutine(function):
        function = type(function).__call__
    try:
        return hints_of(function)
    except NoSchema as error:
        raise ToolDefinitionError(f"tool '{name}': {error}") from error


def _is_unbound_method(function: Any, first: str) -> bool:
    scope, _, _ = getattr(function, "__qualname__", "").rpartition(".")
    in_class = bool(scope) and not scope.endswith("<locals>")
    return in_class and first in ("self", "cls") and not inspect.ismethod(function)


def _default(value: Any) -> Dict[str, Any]:
    try:
        return {"default": to_json(value)}
    except (TypeError, ValueError):
        return {}  # the function knows it; the model need not
