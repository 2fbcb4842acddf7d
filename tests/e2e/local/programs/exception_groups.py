"""ExceptionGroup, except*, split, subgroup and derived groups."""


class BatchError(ExceptionGroup):
    def derive(self, excs):
        return BatchError(self.message, excs)


def check_all(values):
    errors = []
    for value in values:
        try:
            if not isinstance(value, int):
                raise TypeError(f"{value!r} is no int")
            if value < 0:
                raise ValueError(f"{value} is negative")
        except (TypeError, ValueError) as error:
            errors.append(error)
    if errors:
        raise BatchError("invalid values", errors)
    return sum(values)


for batch in ([1, 2, 3], [1, -2, "x"], ["y"], [-1, -7]):
    try:
        print("sum", check_all(batch))
    except* TypeError as group:
        print("types:", [str(e) for e in group.exceptions], type(group).__name__)
    except* ValueError as group:
        print("values:", [str(e) for e in group.exceptions])

nested = ExceptionGroup("outer", [ValueError(1), ExceptionGroup("inner", [TypeError(2), ValueError(3)]), KeyError("k")])
values, others = nested.split(ValueError)
print(values.message, len(values.exceptions), [type(e).__name__ for e in others.exceptions])
print(repr(nested.subgroup(lambda e: isinstance(e, TypeError))))
print(nested.subgroup(OSError))


def leaves(error):
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]


print([repr(leaf) for leaf in leaves(nested)])
try:
    try:
        raise nested
    except* KeyError:
        raise RuntimeError("while handling")
except ExceptionGroup as group:
    print(sorted(type(leaf).__name__ for leaf in leaves(group)))
try:
    try:
        raise ValueError("bare")
    except* ValueError as group:
        print("wrapped:", group.exceptions)
        raise
except ValueError as error:
    print("bare", error)
except ExceptionGroup as group:
    print("group", group.exceptions)
