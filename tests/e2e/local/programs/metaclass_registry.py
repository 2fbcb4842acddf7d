"""A metaclass that registers classes, checks them and keeps single instances."""


class PluginMeta(type):
    plugins = {}

    def __new__(mcls, name, bases, namespace, *, key=None):
        cls = super().__new__(mcls, name, bases, namespace)
        if bases:
            if "run" not in namespace:
                raise TypeError(f"{name} must define run()")
            mcls.plugins[key or name.lower()] = cls
        return cls

    def __init__(cls, name, bases, namespace, **kwargs):
        super().__init__(name, bases, namespace)
        cls._instance = None

    def __call__(cls, *args, **kwargs):
        if cls._instance is None:
            cls._instance = super().__call__(*args, **kwargs)
        return cls._instance

    def __len__(cls):
        return len(cls.plugins)

    def __contains__(cls, key):
        return key in cls.plugins


class Plugin(metaclass=PluginMeta):
    pass


class Upper(Plugin):
    def run(self, text):
        return text.upper()


class Reverse(Plugin, key="rev"):
    def run(self, text):
        return text[::-1]


try:

    class Broken(Plugin):
        pass
except TypeError as error:
    print("TypeError:", error)

print(len(Plugin), "rev" in Plugin, "reverse" in Plugin)
for key, cls in sorted(PluginMeta.plugins.items()):
    print(key, cls.__name__, cls().run("Hello"), cls() is cls())
print(type(Plugin).__name__, type(type(Plugin)).__name__, Upper.__class__ is PluginMeta)
