"""Dataclasses: ordering, frozen, slots, keyword-only, post-init, InitVar, replace and asdict."""

from dataclasses import KW_ONLY, FrozenInstanceError, InitVar, asdict, astuple, dataclass, field, fields, replace
from typing import ClassVar


@dataclass(frozen=True, order=True)
class Point:
    x: int
    y: int = 0

    def __add__(self, other):
        return Point(self.x + other.x, self.y + other.y)


@dataclass
class Employee:
    count: ClassVar[int] = 0
    name: str
    salary: float
    raise_by: InitVar[float] = 0.0
    skills: list = field(default_factory=list, compare=False)
    password: str = field(default="secret", repr=False)
    email: str = field(init=False)

    def __post_init__(self, raise_by):
        self.salary *= 1 + raise_by
        self.email = f"{self.name.lower().replace(' ', '.')}@example.com"
        Employee.count += 1


@dataclass
class Manager(Employee):
    reports: list[Employee] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Config:
    host: str = "localhost"
    port: int = 8080


@dataclass
class Request:
    path: str
    _: KW_ONLY
    method: str = "GET"


ann = Employee("Ann Lee", 1000.0, 0.1, ["python"])
boss = Manager("Bo", 5000, reports=[ann])
print(ann, boss, sep="\n")
print(Employee.count, ann == replace(ann, skills=["rust"], raise_by=0.0))
print(sorted([Point(2, 1), Point(1, 5), Point(1, 2)]), Point(1) + Point(2, 3), hash(Point(1)) == hash(Point(1)))
try:
    Point(1).x = 2
except FrozenInstanceError as error:
    print("frozen:", error)
print(asdict(boss)["reports"][0]["email"], astuple(Point(3, 4)), [f.name for f in fields(Config)])
print(Config(port=1), hasattr(Config(), "__dict__"), Request("/", method="PUT"))
for call in (lambda: Config("h"), lambda: Request("/", "PUT"), lambda: Employee("x")):
    try:
        call()
    except TypeError as error:
        print(type(error).__name__)
