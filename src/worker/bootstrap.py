"""Receives the files of the worker over descriptor 3, and hands the descriptor to them.

The current folder is taken off the path first, so that no file in it can pass for a standard module. The
worker gets builtins of its own, so that code which rebinds those of its Python does not break the worker.
What only queries need is compiled for the first of them.
"""

import sys

sys.path[:] = [path for path in sys.path if path]
import os


def read(size):
    """As many bytes from the daemon, without which there is nothing to do."""
    data = b""
    while len(data) < size:
        piece = os.read(3, size - len(data))
        if not piece:
            os._exit(0)
        data += piece
    return data


own = dict(vars(__builtins__))
names = ["tinycode_%s" % name for name in ("values", "session", "process", "objects", "namespace")]
sources = {name: read(int.from_bytes(read(4), "big")) for name in names}


def load(name, *needed):
    # What it needs is importable only meanwhile: code is not to find the worker by a name.
    module = type(sys)(name)
    module.__file__, module.__builtins__ = "<%s>" % name, own
    sys.modules.update((other.__name__, other) for other in needed)
    exec(compile(sources[name], module.__file__, "exec"), module.__dict__)
    for other in needed:
        del sys.modules[other.__name__]
    return module


loaded = []


def namespace():
    """What answers queries."""
    if not loaded:
        loaded.append(load("tinycode_namespace", load("tinycode_objects")))
    return loaded[0]


values = load("tinycode_values")
load("tinycode_process", values, load("tinycode_session", values)).main(3, namespace)
