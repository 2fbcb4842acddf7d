"""Decorators: with arguments, stacked, on classes and as classes."""

import functools


def repeat(times):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return [function(*args, **kwargs) for _ in range(times)]

        return wrapper

    return decorate


def retry(attempts=3, exceptions=(Exception,)):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            for attempt in range(1, attempts + 1):
                try:
                    return function(*args, **kwargs)
                except exceptions as error:
                    print(f"attempt {attempt} failed: {error}")
            raise RuntimeError(f"{function.__name__} gave up after {attempts}") from error_of(attempts)

        return wrapper

    return decorate


def error_of(attempts):
    return ValueError(f"{attempts} attempts")


class CountCalls:
    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function, self.calls = function, 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        return self.function(*args, **kwargs)


state = {"tries": 0}


@retry(attempts=4, exceptions=(ConnectionError,))
def flaky(limit):
    """Fails a few times."""
    state["tries"] += 1
    if state["tries"] < limit:
        raise ConnectionError(f"try {state['tries']}")
    return "ok"


@CountCalls
@repeat(3)
def greet(name, *, mark="!"):
    return f"hi {name}{mark}"


print(greet("Ann"), greet("Bob", mark="?"), greet.calls, greet.__name__)
print(flaky(3), flaky.__doc__, flaky.__wrapped__.__name__)
state["tries"] = -10
try:
    flaky(3)
except RuntimeError as error:
    print(error, "<-", repr(error.__cause__))
