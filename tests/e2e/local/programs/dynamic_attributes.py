"""__getattr__, __getattribute__, __setattr__, __delattr__, __dir__ and proxies."""


class Record:
    def __init__(self, **values):
        object.__setattr__(self, "_values", dict(values))

    def __getattr__(self, name):
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"no field {name!r}") from None

    def __setattr__(self, name, value):
        if name.startswith("_"):
            raise AttributeError("private")
        self._values[name] = value

    def __delattr__(self, name):
        del self._values[name]

    def __dir__(self):
        return sorted(self._values)


class Logged:
    def __init__(self, target):
        self._target, self._log = target, []

    def __getattr__(self, name):
        attribute = getattr(self._target, name)
        if not callable(attribute):
            return attribute

        def call(*args):
            result = attribute(*args)
            self._log.append(f"{name}{args} -> {result}")
            return result

        return call


class Path:
    def __init__(self, parts=()):
        self._parts = parts

    def __getattr__(self, part):
        return Path((*self._parts, part))

    __getitem__ = __getattr__

    def __call__(self, **query):
        return (
            "/"
            + "/".join(map(str, self._parts))
            + ("?" + "&".join(f"{k}={v}" for k, v in query.items()) if query else "")
        )


class Strict:
    value = 1

    def __getattribute__(self, name):
        return object.__getattribute__(self, name) if not name.startswith("secret") else "***"


r = Record(a=1, b=2)
r.c = r.a + r.b
del r.b
print(r.c, dir(r), hasattr(r, "b"), getattr(r, "zzz", "default"))
for action in (lambda: r.zzz, lambda: setattr(r, "_x", 1)):
    try:
        action()
    except AttributeError as error:
        print("AttributeError:", error)
log = Logged([3, 1])
log.append(2), log.sort(), log.index(3)
print(log._log, log._target, Path().users[7].posts(sort="new"), Strict().value, Strict().secret_key)
print(vars(Strict()).get("x"), getattr(Strict, "value"), [name for name in vars(Strict) if not name.startswith("__")])
