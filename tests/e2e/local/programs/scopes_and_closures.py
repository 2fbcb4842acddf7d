"""global, nonlocal, closures, late binding, default values and class scopes."""

counter = 0


def bump():
    global counter
    counter += 1
    return counter


def make_account(balance):
    history = []

    def deposit(amount):
        nonlocal balance
        balance += amount
        history.append(amount)
        return balance

    def report():
        return f"{balance} after {history}"

    return deposit, report


def outer():
    x = "outer"

    def middle():
        nonlocal x
        x = "middle"

        def inner():
            nonlocal x
            x = "inner"

        inner()
        return x

    return middle(), x


def append(item, items=[]):
    items.append(item)
    return items


def broken():
    print(later)
    later = 1


x = "module"


class Scope:
    x = "class"
    seen = [x for _ in range(1)]

    def method(self):
        return x, self.x, Scope.x


bump()
deposit, report = make_account(100)
deposit(50)
print(bump(), counter, deposit(-20), report(), outer(), append(1), append(2), append.__defaults__)
print(
    [f() for f in [lambda: n for n in range(3)]],
    [f() for f in [lambda n=n: n for n in range(3)]],
    Scope.seen,
    Scope().method(),
)
try:
    broken()
except UnboundLocalError as error:
    print(type(error).__name__, isinstance(error, NameError))
print(
    deposit.__closure__[0].cell_contents,
    deposit.__code__.co_freevars,
    "counter" in globals(),
    sorted(name for name in (lambda a, b: locals())(1, 2)),
)
globals()["made"] = "by hand"
print(made, __name__, (lambda: (yield))().__class__.__name__)
del made
try:
    made
except NameError as error:
    print(error.name)
compose = lambda *fs: lambda v: compose(*fs[:-1])(fs[-1](v)) if fs else v
curry = lambda f, n, *a: f(*a) if n == 0 else lambda v: curry(f, n - 1, *a, v)
print(
    compose(str, abs, int)("-5"),
    curry(lambda a, b, c: a + b * c, 3)(1)(2)(3),
    [(lambda k: k if k < 2 else k * 10)(k) for k in range(4)],
)
try:
    error = "kept"
    raise ValueError
except ValueError as caught:
    pass
print(error, "caught" in globals())
