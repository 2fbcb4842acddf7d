"""`@tool`: what is a tool, what the model is told of it, and how it is called."""

from __future__ import annotations

import dataclasses
import enum
import functools
import inspect
import pickle
import sys
from pathlib import Path
from typing import Annotated, Any, Dict, List, Literal, Optional, Set, Tuple, Union

import pytest

from tinyagent import Tool, ToolDefinitionError, tool
from tinyagent.convert import as_literal, to_json
from tinyagent.schema import from_json, schema_of
from tinyagent.tools import as_tools


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0
    tags: List[str] = dataclasses.field(default_factory=list)


@tool
def calculate(x: int, y: int) -> int:
    """Adds two numbers."""
    return x + y


class Shop:
    def __init__(self, price: int) -> None:
        self.price = price

    @tool
    def cost(self, pieces: int) -> int:
        """What it costs."""
        return self.price * pieces


def test_a_tool_stays_a_function() -> None:
    assert calculate(5, 3) == calculate(x=5, y=3) == 8
    assert isinstance(calculate, Tool)
    assert calculate.__name__ == calculate.name == "calculate"
    assert calculate.__doc__ == "Adds two numbers."
    assert list(inspect.signature(calculate).parameters) == ["x", "y"]
    assert pickle.loads(pickle.dumps(calculate)) is calculate


def test_what_the_daemon_is_told() -> None:
    integer = {"type": "integer"}
    assert calculate.to_wire() == {
        "name": "calculate",
        "description": "Adds two numbers.",
        "parameters": {
            "type": "object",
            "properties": {"x": integer, "y": integer},
            "required": ["x", "y"],
            "additionalProperties": False,
        },
        "returns": integer,
        "kind": "client",
    }


def test_name_and_description_can_be_given() -> None:
    @tool(name="add", description="Sums.")
    def function(x: int = 1) -> int:
        return x

    assert (function.name, function.description) == ("add", "Sums.")
    assert function.parameters["properties"] == {"x": {"type": "integer", "default": 1}}
    assert function.parameters["required"] == []


def test_docstrings_describe_parameters() -> None:
    def google(city: str, days: int = 1) -> str:
        """Tells the weather.

        For a city.

        Args:
            city (str): where,
                by name
            days: how many

        Returns:
            text
        """
        return city

    def sphinx(city: Annotated[str, "where"], days: int) -> str:
        """Tells the weather.

        :param str city: not this
        :param days: how many
        """
        return city

    made = Tool(google)
    assert made.description == "Tells the weather.\n\nFor a city.\n\nReturns:\n    text"
    assert made.parameters["properties"]["city"]["description"] == "where, by name"
    assert made.parameters["properties"]["days"]["description"] == "how many"
    properties = Tool(sphinx).parameters["properties"]
    assert [properties[name]["description"] for name in ("city", "days")] == ["where", "how many"]
    assert Tool(sphinx).description == "Tells the weather."


INTEGER, STRING = {"type": "integer"}, {"type": "string"}


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (int, INTEGER),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (None, {"type": "null"}),
        (Any, {}),
        (list, {"type": "array"}),
        (List[int], {"type": "array", "items": INTEGER}),
        (Dict[str, int], {"type": "object", "additionalProperties": INTEGER}),
        (Tuple[int, str], {"type": "array", "prefixItems": [INTEGER, STRING], "minItems": 2, "maxItems": 2}),
        (Tuple[int, ...], {"type": "array", "items": INTEGER}),
        (Set[str], {"type": "array", "items": STRING, "uniqueItems": True}),
        (Optional[int], {"type": ["integer", "null"]}),
        (Union[int, List[int]], {"anyOf": [INTEGER, {"type": "array", "items": INTEGER}]}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Literal[1, None], {"type": ["integer", "null"], "enum": [1, None]}),
        (Colour, {"type": "string", "enum": ["red", "blue"]}),
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
        (
            Point,
            {
                "type": "object",
                "properties": {"x": INTEGER, "y": INTEGER, "tags": {"type": "array", "items": STRING}},
                "required": ["x"],
                "additionalProperties": False,
            },
        ),
    ],
)
def test_schemas(hint: Any, schema: Dict[str, Any]) -> None:
    assert schema_of(hint) == schema


@pytest.mark.skipif(sys.version_info < (3, 10), reason="written `X | Y` from 3.10 on")
def test_unions_with_a_bar() -> None:
    assert schema_of(eval("int | None")) == {"type": ["integer", "null"]}
    assert schema_of(eval("list[int] | str")) == {"anyOf": [{"type": "array", "items": INTEGER}, STRING]}


async def asynchronous(x: int) -> int:
    return x


def without_hint(x, y: int) -> int:  # type: ignore[no-untyped-def]
    return y


def without_return(x: int):  # type: ignore[no-untyped-def]
    return x


def of_bytes(x: bytes) -> int:
    return 1


def of_anything(*args: int) -> int:
    return 1


def generator() -> List[int]:
    yield 1  # type: ignore[misc]


def unresolved(x: "Missing") -> int:  # type: ignore[name-defined]  # noqa: F821
    return 1


def final_answer(x: int) -> int:
    return x


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (asynchronous, "async"),
        (without_hint, "'x' has no type hint"),
        (without_return, "what it returns has no type hint"),
        (of_bytes, "'x': JSON has nothing like bytes"),
        (of_anything, "any number of arguments"),
        (generator, "generator"),
        (unresolved, "Missing"),
        (final_answer, "has that name already"),
        (lambda: 1, "no name in Python"),
        (5, "cannot be called"),
        (print, "any number|what parameters"),
    ],
)
def test_what_cannot_be_a_tool(function: Any, message: str) -> None:
    with pytest.raises(ToolDefinitionError, match=message):
        tool(function)


def test_names_are_checked() -> None:
    for name in ("class", "1x", "", "memory"):
        with pytest.raises(ToolDefinitionError):
            Tool(calculate.function, name=name)
    with pytest.raises(ToolDefinitionError, match="two tools"):
        as_tools([calculate, calculate])
    with pytest.raises(ToolDefinitionError, match="list"):
        as_tools(calculate)  # type: ignore[arg-type]


def test_methods_partials_and_callables() -> None:
    shop = Shop(3)
    assert shop.cost(2) == 6
    assert list(shop.cost.parameters["properties"]) == ["pieces"]
    assert shop.cost.run([2], {}) == 6

    @functools.wraps(calculate.function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return calculate.function(*args, **kwargs)

    assert Tool(wrapped).run([1], {"y": 2}) == 3

    class Double:
        def __call__(self, x: int) -> int:
            return 2 * x

    assert Tool(Double(), name="double").run([4], {}) == 8
    plus_one = functools.partial(calculate.function, 1)
    assert Tool(plus_one, name="plus_one").run([2], {}) == 3


def test_arguments_become_what_the_hints_promise() -> None:
    def take(
        colour: Colour, point: Point, pair: Tuple[int, Colour], names: Set[str], rate: float, where: Optional[Path]
    ) -> List[str]:
        return [repr(value) for value in (colour, point, pair, sorted(names), rate, where)]

    got = Tool(take).run(["red", {"x": 1}, [1, "blue"]], {"names": ["a"], "rate": 2, "where": "/x"})
    assert got[:1] == ["<Colour.RED: 'red'>"]
    assert got[1].endswith("Point(x=1, y=0, tags=[])")
    assert got[2:] == ["(1, <Colour.BLUE: 'blue'>)", "['a']", "2.0", "PosixPath('/x')"]
    assert from_json({"1": ["red"]}, Dict[int, List[Colour]]) == {1: [Colour.RED]}
    assert from_json("red", Union[int, Colour]) is Colour.RED


def test_results_become_json() -> None:
    assert to_json({"p": Point(1), "t": (1, {2}), Colour.RED: Colour.BLUE, 3: True}) == {
        "p": {"x": 1, "y": 0, "tags": []},
        "t": [1, [2]],
        "red": "blue",
        "3": True,
    }
    with pytest.raises(ValueError, match=r"\['a'\]\[1\] is nan"):
        to_json({"a": [1, float("nan")]})
    with pytest.raises(TypeError, match="object"):
        to_json([object()])
    endless: List[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="nested"):
        to_json(endless)


def test_results_of_pandas_become_json() -> None:
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    assert to_json([numpy.float64(1.5), numpy.int32(2), numpy.bool_(True), numpy.arange(2)]) == [1.5, 2, True, [0, 1]]
    table = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert to_json(table) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    assert to_json(table["a"]) == {"0": 1, "1": 2}


def test_literals() -> None:
    value = {"a": [1, (2,), {3}], "b": (float("inf"), None, b"x"), "c": (), "d": set()}
    assert eval(as_literal(value)) == value
    assert as_literal(Point(1)) == "{'x': 1, 'y': 0, 'tags': []}"
    with pytest.raises(TypeError):
        as_literal(object())
