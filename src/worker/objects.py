"""What an object is, found out without running methods of its own where that can be.

Standard library only. See `inspect.getattr_static`, which does the same for one attribute.
"""

import itertools
import json
import types
from collections import namedtuple

MAX_NAMES = 1_000  # of variables, and of matches
MAX_NAME = 200
MAX_JSON = 64 << 10
MAX_ITEMS = 10_000  # of a value that JSON is asked to say
UNKNOWN = object()  # what cannot be found without running code
FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.MethodWrapperType)
METHODS = (types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType)
SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType)  # C code finds their values

Match = namedtuple("Match", "text kind")

mro_of = type.__dict__["__mro__"].__get__
dict_of = type.__dict__["__dict__"].__get__
name_of = type.__dict__["__name__"].__get__


def isinstance_of(value, kinds):
    """As `isinstance`, which believes what an object says of itself."""
    return issubclass(type(value), kinds)


def type_name(value):
    return str.__str__(name_of(type(value)))[:MAX_NAME]


def is_name(name):
    return type(name) is str and len(name) <= MAX_NAME and name.isidentifier()


def is_dunder(name):
    return name.startswith("__") and name.endswith("__")


def first(values):
    return list(itertools.islice(values, MAX_NAMES))


def search(kind, name):
    """What a class or one of its bases has under a name, as it stands there."""
    for base in mro_of(kind):
        if name in dict_of(base):
            return dict_of(base)[name]
    return UNKNOWN


def own_dict(value):
    """The attributes of an object itself, if it has a plain `__dict__`."""
    slot = search(type(value), "__dict__")
    if isinstance_of(value, type) or type(slot) not in SLOTS:
        return {}
    found = slot.__get__(value)
    return found if isinstance_of(found, dict) else {}


def found_in(value, name):
    """An attribute as it stands in the object or in its class: see `inspect.getattr_static`."""
    of_class = search(type(value), name)
    if search(type(of_class), "__set__") is not UNKNOWN:
        return of_class
    own = search(value, name) if isinstance_of(value, type) else dict.get(own_dict(value), name, UNKNOWN)
    return of_class if own is UNKNOWN else own


def lookup(value, name):
    """An attribute, found without running a property or a `__getattr__`."""
    found = found_in(value, name)
    kind = type(found)
    if isinstance_of(value, type):
        owner, is_own = value, search(value, name) is found
    else:
        owner, is_own = type(value), dict.get(own_dict(value), name, UNKNOWN) is found
    if kind is classmethod:
        return types.MethodType(found.__func__, owner)
    if kind is staticmethod:
        return found.__func__
    if is_own:
        return found
    if kind is types.FunctionType:
        return types.MethodType(found, value)
    if kind in SLOTS or kind in METHODS:
        try:
            return found.__get__(value, type(value))
        except Exception:
            return UNKNOWN
    return found if search(kind, "__get__") is UNKNOWN else UNKNOWN


def members(value):
    """The attributes of an object, without asking it: its `__dir__` is code."""
    names = set(filter(is_name, dict.keys(own_dict(value))))
    for base in mro_of(value if isinstance_of(value, type) else type(value)):
        names.update(filter(is_name, dict_of(base)))
    return [Match(name, kind_of(found_in(value, name))) for name in names]


def kind_of(value):
    kinds = {
        "module": types.ModuleType,
        "class": type,
        "function": (*FUNCTIONS, *METHODS, staticmethod, classmethod),
        "property": (property, *SLOTS),
    }
    return next((name for name, kind in kinds.items() if isinstance_of(value, kind)), "variable")


def importable(path):
    import pkgutil

    return [module.name for module in pkgutil.iter_modules(path)]


def signature_of(value):
    import inspect

    if not isinstance_of(value, (type, *FUNCTIONS, *METHODS)):
        raise TypeError
    return str(inspect.signature(value))


def doc_of(value):
    import inspect

    if not isinstance_of(value, (type, types.ModuleType, property, *FUNCTIONS, *METHODS)):
        value = type(value)
        if lookup(value, "__module__") == "builtins":
            raise TypeError  # everybody knows what a list is
    doc = lookup(value, "__doc__")
    if type(doc) is not str:
        raise TypeError
    return inspect.cleandoc(doc)


def plain_json(value):
    """The value, if it is short JSON."""
    waiting, seen, size = [value], 0, 0
    while waiting:
        item = waiting.pop()
        kind = type(item)
        seen += 1
        size += len(item) if kind is str else 0
        if seen + len(waiting) > MAX_ITEMS or size > MAX_JSON:
            raise ValueError
        if kind is dict:
            waiting += [*item.keys(), *item.values()][: MAX_ITEMS + 1]
            if any(type(key) is not str for key in item):
                raise TypeError
        elif kind in (list, tuple):
            waiting += item[: MAX_ITEMS + 1]
        elif kind is int and not -(2**63) <= item < 2**64 or kind not in (str, int, float, bool, type(None)):
            raise TypeError
    if len(json.dumps(value, ensure_ascii=False, allow_nan=False)) > MAX_JSON:
        raise ValueError
    return value
