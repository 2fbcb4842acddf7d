"""tinyagent: the Python client of the tinycode daemon."""

from .client import Client

__version__ = "0.1.0"
__all__ = ["Client"]
