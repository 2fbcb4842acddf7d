"""tinyagent: the Python client of the tinycode daemon."""

from .client import Client

__version__ = "0.1.0"
__all__ = ["Client"]


def load_ipython_extension(ipython: object) -> None:
    """`%load_ext tinyagent`: the magics of notebooks. See `tinyagent.magics`."""
    from .magics import load_ipython_extension as load

    load(ipython)  # type: ignore[arg-type]


def unload_ipython_extension(ipython: object) -> None:
    """`%unload_ext tinyagent`."""
    from .magics import unload_ipython_extension as unload

    unload(ipython)  # type: ignore[arg-type]
