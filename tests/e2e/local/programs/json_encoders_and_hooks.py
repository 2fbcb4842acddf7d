"""JSON: custom encoders, object hooks, sorting, separators, numbers and errors."""

import json
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from enum import Enum


class Status(Enum):
    OPEN = "open"


@dataclass
class Ticket:
    id: int
    opened: date
    status: Status = Status.OPEN


class Encoder(json.JSONEncoder):
    def default(self, value):
        if isinstance(value, Ticket):
            return {"__type__": "ticket", **asdict(value)}
        if isinstance(value, (set, frozenset)):
            return sorted(value)
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, complex):
            return [value.real, value.imag]
        return super().default(value)


def hook(data):
    if data.pop("__type__", None) == "ticket":
        return Ticket(data["id"], date.fromisoformat(data["opened"]), Status(data["status"]))
    return data


text = json.dumps(
    {"tickets": [Ticket(1, date(2024, 5, 6))], "tags": {"b", "a"}, "z": 1 + 2j}, cls=Encoder, sort_keys=True
)
print(text)
print(json.loads(text, object_hook=hook)["tickets"])
print(json.dumps({"b": [1, 2], "a": {"é": None}}, indent=2, sort_keys=True, ensure_ascii=False))
print(json.dumps([1.0, 1e100, True, '\u2603\n\t"\\', {1: 2, None: 3}], separators=(",", ":")))
print(json.loads("[1.10, 12345678901234567890, 1e2]", parse_float=Decimal), json.loads('"\\ud83d\\ude00"'))
print(json.loads('{"a": 1, "a": 2}'), json.loads('{"a": 1, "a": 2}', object_pairs_hook=list))
print(json.dumps(float("nan")), json.loads("[NaN, -Infinity]"), json.dumps((1, (2,))))
for bad in ('{"a": }', "[1, 2", "", "{'a': 1}"):
    try:
        json.loads(bad)
    except json.JSONDecodeError as error:
        print("bad JSON at", error.pos, error.lineno, error.colno)
circular = []
circular.append(circular)
for wrong in (
    lambda: json.dumps({1, 2}),
    lambda: json.dumps(circular),
    lambda: json.dumps(float("inf"), allow_nan=False),
):
    try:
        wrong()
    except (TypeError, ValueError) as error:
        print(type(error).__name__)
print(json.JSONDecoder().raw_decode('{"x": [1]} trailing'))
