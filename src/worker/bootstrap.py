"""Receives the files of the worker over descriptor 3, and hands the descriptor to them.

The current folder is taken off the path first, so that no file in it can pass for a standard module. The
worker gets builtins of its own, so that code which rebinds those of its Python does not break the worker.
What each step needs comes compiled too, where that was by the same build of Python; what only queries need is compiled
for the first of them.
"""

import sys

sys.path[:] = [path for path in sys.path if path]
import _frozen_importlib_external as importer
import marshal
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


def frame():
    return read(int.from_bytes(read(4), "big"))


own = dict(vars(__builtins__))
names = ["tinycode_%s" % name for name in ("values", "session", "process", "objects", "namespace")]
sources = {name: frame() for name in names}
build = frame().decode()
compiled = {name: frame() for name in names[:3]}
is_ours = build == "%s %s" % (sys.version, importer.MAGIC_NUMBER.hex())


def load(name, *needed):
    # What it needs is importable only meanwhile: code is not to find the worker by a name.
    module = type(sys)(name)
    module.__file__, module.__builtins__ = "<%s>" % name, own
    sys.modules.update((other.__name__, other) for other in needed)
    if is_ours and name in compiled:
        code = marshal.loads(compiled.pop(name))
    else:
        code = compile(sources[name], module.__file__, "exec")
    exec(code, module.__dict__)
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
