"""Errors of every common kind, caught, named and printed; nothing here ends the program."""


def run(label, action):
    try:
        result = action()
    except Exception as error:
        kinds = [kind.__name__ for kind in type(error).__mro__[1:-2]]
        print(f"{label:<16}{type(error).__name__} <- {' <- '.join(kinds)}")
        return None
    print(f"{label:<16}no error: {result!r}")
    return result


class Odd:
    def __init__(self):
        self.items = [1]

    def __bool__(self):
        return "yes"

    def __len__(self):
        return -1

    def __iter__(self):
        return 5

    def __hash__(self):
        return "x"


cases = {
    "add": lambda: 1 + "1",
    "call": lambda: Odd()(),
    "index": lambda: [1][3],
    "index type": lambda: list("ab")["a"],
    "key": lambda: {}["x"],
    "attribute": lambda: (1).upper(),
    "none": lambda: None.strip(),
    "int": lambda: int("12x"),
    "float": lambda: float("1,5"),
    "divide": lambda: 1 % 0,
    "overflow": lambda: 10.0**400,
    "name": lambda: not_defined_anywhere,
    "arguments": lambda: len(1, 2),
    "not callable": lambda: str(5)(),
    "iterate": lambda: [x for x in 5],
    "compare": lambda: [] < 3,
    "hash": lambda: {[]: 1},
    "assign tuple": lambda: (1, 2).__setitem__(0, 1),
    "stop": lambda: next(iter([])),
    "unicode": lambda: b"\xff".decode("utf-8"),
    "chr": lambda: chr(-1),
    "shift": lambda: 1 << -1,
    "bool": lambda: bool(Odd()),
    "len": lambda: len(Odd()),
    "iter": lambda: iter(Odd()),
    "hash type": lambda: hash(Odd()),
    "isinstance": lambda: isinstance(1, "int"),
    "format": lambda: f"{'x':d}",
    "super": lambda: super(),
    "fine": lambda: "1" * 3,
}
for label, action in cases.items():
    run(label, action)
try:
    [].push(1)
except AttributeError as error:
    print(error.name, type(error.obj).__name__, error)
try:
    raise ValueError("a", 2)
except ValueError as error:
    print(error.args, str(error), repr(error))
try:
    {}["missing"]
except KeyError as error:
    trace = error.__traceback__
    print(trace.tb_next, trace.tb_lineno - trace.tb_frame.f_lineno <= 0, trace.tb_frame.f_code.co_name)
