"""Class decorators, __init_subclass__, __class_getitem__, __set_name__ and type() itself."""


def auto_repr(cls):
    def __repr__(self):
        return f"{cls.__name__}({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"

    cls.__repr__ = __repr__
    return cls


def singleton(cls):
    instances = {}

    def get(*args, **kwargs):
        if cls not in instances:
            instances[cls] = cls(*args, **kwargs)
        return instances[cls]

    return get


def add_methods(**methods):
    def decorate(cls):
        for name, method in methods.items():
            setattr(cls, name, method)
        return cls

    return decorate


class Command:
    commands = {}

    def __init_subclass__(cls, /, name=None, aliases=(), **kwargs):
        super().__init_subclass__(**kwargs)
        for key in (name or cls.__name__.lower(), *aliases):
            Command.commands[key] = cls

    def __class_getitem__(cls, key):
        return cls.commands[key]


class Help(Command, aliases=["h", "?"]):
    def run(self):
        return "helping"


class Quit(Command, name="exit"):
    def run(self):
        return "leaving"


@auto_repr
@add_methods(double=lambda self: type(self)(self.x * 2, self.y * 2), total=property(lambda self: self.x + self.y))
class Pair:
    def __init__(self, x, y):
        self.x, self.y = x, y


@singleton
class Config:
    def __init__(self):
        print("made once")


print(
    Command["h"]().run(),
    Command["exit"]().run(),
    sorted(Command.commands),
    Pair(1, 2).double(),
    Pair(3, 4).total,
    Config() is Config(),
)
Dynamic = type("Dynamic", (Pair,), {"z": 5, "hello": lambda self: f"hello {self.z + self.x}"})
d = Dynamic(1, 2)
print(d.hello(), d, Dynamic.__bases__[0].__name__, type(d) is Dynamic, isinstance(d, Pair), Dynamic.__module__)
Help.run = lambda self: "patched"
print(Help().run(), Command["?"]().run(), hasattr(Quit, "run"), callable(Quit), Quit.__qualname__)
try:

    class Wrong(Command, unknown=1):
        pass
except TypeError as error:
    print(type(error).__name__)
