"""Raising from, context, notes, else, finally, re-raising and cleaning up."""


class ConfigError(Exception):
    def __init__(self, key, *, line=None):
        super().__init__(f"bad key {key!r}")
        self.key, self.line = key, line


def parse(text):
    try:
        return int(text)
    except ValueError as error:
        raise ConfigError(text, line=3) from error


def order(fail):
    steps = []
    try:
        steps.append("try")
        if fail:
            raise KeyError("k")
    except KeyError:
        steps.append("except")
    else:
        steps.append("else")
    finally:
        steps.append("finally")
    return steps


def overriding():
    try:
        return "try"
    finally:
        print("cleaning")


try:
    parse("abc")
except ConfigError as error:
    print(error, error.key, error.line, repr(error.__cause__), error.__suppress_context__)
try:
    try:
        [][1]
    except IndexError:
        {}["k"]
except KeyError as error:
    print(repr(error), repr(error.__context__), error.__cause__)
try:
    try:
        1 / 0
    except ZeroDivisionError as error:
        error.add_note("while dividing")
        error.add_note("by nothing")
        raise
except ArithmeticError as error:
    print(type(error).__name__, error.__notes__)
try:
    raise ConfigError("quiet") from None
except ConfigError as error:
    print(error.__cause__, error.__context__, error.args)
print(order(True), order(False), overriding())
for bad in (
    lambda: int("x"),
    lambda: None + 1,
    lambda: [].pop(),
    lambda: undefined_name,
    lambda: "a".b,
    lambda: (_ for _ in ()).throw(OSError("gone")),
):
    try:
        bad()
    except (ValueError, TypeError) as error:
        print("value or type:", type(error).__name__)
    except LookupError as error:
        print("lookup:", error)
    except Exception as error:
        print("other:", type(error).__name__, isinstance(error, OSError))
try:
    assert 1 > 2, "one is not more than two"
except AssertionError as error:
    print("assert:", error)
