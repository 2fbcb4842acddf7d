"""Structural types: a runtime-checkable protocol, a TypedDict and a generic container."""

from typing import Generic, Iterator, Protocol, TypedDict, TypeVar, get_type_hints, runtime_checkable

T = TypeVar("T")


@runtime_checkable
class Quacker(Protocol):
    def quack(self) -> str: ...


class Duck:
    def quack(self) -> str:
        return "Quack"


class Robot:
    def quack(self) -> str:
        return "beep-quack"


class Dog:
    def bark(self) -> str:
        return "Woof"


class Movie(TypedDict, total=False):
    title: str
    year: int


class Stack(Generic[T]):
    def __init__(self) -> None:
        self._items: list[T] = []

    def push(self, item: T) -> None:
        self._items.append(item)

    def pop(self) -> T:
        if not self._items:
            raise IndexError("pop from an empty stack")
        return self._items.pop()

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return reversed(self._items)


for thing in (Duck(), Robot(), Dog()):
    print(type(thing).__name__, isinstance(thing, Quacker), getattr(thing, "quack", lambda: None)())
movie: Movie = {"title": "Metropolis", "year": 1927}
print(movie, get_type_hints(Movie), Movie.__total__)
numbers = Stack[int]()
for n in range(4):
    numbers.push(n * n)
print(len(numbers), list(numbers), numbers.pop(), len(numbers))
print(Stack[int].__origin__ is Stack, Stack[str].__args__)
try:
    Stack().pop()
except IndexError as error:
    print("IndexError:", error)
