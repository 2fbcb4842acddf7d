"""The style of a shown run, from `run.css`."""

from __future__ import annotations

import re
from importlib.resources import files


def _style() -> str:
    css = (files(__package__) / "run.css").read_text("utf-8")
    return "<style>" + re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)).strip() + "</style>"


#: The whole style element. One of these is in every shown run: outputs are moved, copied and
#: exported one by one, and a page has no other place that all front ends keep.
STYLE = _style()
