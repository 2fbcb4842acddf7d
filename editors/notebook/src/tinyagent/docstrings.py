"""What a docstring says of a function and of each parameter."""

from __future__ import annotations

import inspect
import re
from typing import Dict, List, Tuple

_HEADING = re.compile(r"^(\w[\w ]*):\s*$")
_ENTRY = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_FIELD = re.compile(r"^:(?:param|parameter|arg|argument)\s+(?:[\w.\[\], |]+\s+)?(\w+)\s*:\s*(.*)$")
_PARAMETERS = frozenset(("args", "arguments", "parameters", "params", "keyword args", "keyword arguments"))


def read_docstring(docstring: str) -> Tuple[str, Dict[str, str]]:
    """What it says of the whole, and of the parameters by name.

    Understands the section `Args:` and the fields `:param x:`. All else stays in the text: what a function
    returns and raises is for the model to know too.
    """
    text: List[str] = []
    parameters: Dict[str, str] = {}
    latest = ""
    section_indent = -1  # of the heading `Args:`, while inside its section
    for line in inspect.cleandoc(docstring).split("\n"):
        indent = len(line) - len(line.lstrip())
        heading = _HEADING.match(line.strip())
        if heading and heading.group(1).lower() in _PARAMETERS:
            section_indent, latest = indent, ""
            continue
        if section_indent >= 0 and line.strip() and indent <= section_indent:
            section_indent, latest = -1, ""
        field = _FIELD.match(line.strip())
        if field:
            latest = field.group(1)
            parameters[latest] = field.group(2).strip()
            continue
        if section_indent >= 0:
            latest = _entry(line.strip(), latest, parameters)
        elif latest and line.strip() and indent > 0:
            parameters[latest] = f"{parameters[latest]} {line.strip()}".strip()
        else:
            latest = ""
            text.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(text)).strip(), parameters


def _entry(line: str, latest: str, parameters: Dict[str, str]) -> str:
    """Takes a line of the section `Args:`; returns the parameter that the next line may go on with."""
    entry = _ENTRY.match(line)
    if entry:
        parameters[entry.group(1)] = entry.group(2).strip()
        return entry.group(1)
    if latest and line:
        parameters[latest] = f"{parameters[latest]} {line}".strip()
    return latest
