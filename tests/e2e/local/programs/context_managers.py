"""Context managers as classes and generators, ExitStack, suppress and redirected output."""

import io
from contextlib import ContextDecorator, ExitStack, closing, contextmanager, nullcontext, redirect_stdout, suppress


class Resource:
    def __init__(self, name, swallow=False):
        self.name, self.swallow = name, swallow

    def __enter__(self):
        print("open", self.name)
        return self

    def __exit__(self, kind, error, trace):
        print("close", self.name, kind.__name__ if kind else None)
        return self.swallow

    def close(self):
        print("closed", self.name)


@contextmanager
def section(title):
    print(f"<{title}>")
    try:
        yield title.upper()
    except KeyError as error:
        print("caught", error)
    finally:
        print(f"</{title}>")


class announce(ContextDecorator):
    def __enter__(self):
        print("begin")

    def __exit__(self, *details):
        print("end")


@announce()
def work():
    print("working")


with Resource("a") as a, Resource("b", swallow=True) as b:
    print(a.name + b.name)
    raise RuntimeError("swallowed by b")
with section("outer") as outer, section("inner"):
    print(outer, {}["missing"])
with ExitStack() as stack:
    opened = [stack.enter_context(Resource(f"r{i}")) for i in range(3)]
    stack.callback(print, "callback first")
    stack.push(lambda *details: print("pushed", details[0]))
    print(len(opened), "open")
work()
with suppress(ZeroDivisionError):
    1 / 0
with closing(Resource("c")), nullcontext(5) as five:
    print(five)
buffer = io.StringIO()
with redirect_stdout(buffer):
    print("hidden", 1, 2, sep="-")
print(repr(buffer.getvalue()))
