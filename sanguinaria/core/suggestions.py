"""Error messages about a value that is not one of the known ones."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


def unknown_name(what: str, name: Any, known: Iterable[Any]) -> str:
    if isinstance(name, bool):
        return misread_scalar(name)
    choices = [str(choice) for choice in known]
    near = difflib.get_close_matches(str(name), choices, n=1, cutoff=0.5)
    if near:
        return f"unknown {what} {str(name)!r}; did you mean {near[0]!r}?"
    return f"unknown {what} {str(name)!r}; there are: {', '.join(choices) or 'none'}"


def misread_scalar(value: bool | int | float) -> str:
    """YAML takes the bare words yes, no, on and off for truth values, and a message of bits for a number."""
    what = f"the truth value {str(value).lower()}" if isinstance(value, bool) else f"the number {value}"
    return f"YAML reads this as {what}: put quotes around it"
