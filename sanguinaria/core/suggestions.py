"""Error messages for unknown names, with the nearest known name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


def unknown_name(what: str, name: Any, choices: Iterable[Any]) -> str:
    """Return the message for a name that is not among the choices.

    >>> unknown_name("kind", "lsmt", ["lstm", "resnet"])
    "unknown kind 'lsmt'; did you mean 'lstm'?"
    >>> unknown_name("kind", "x", ["lstm", "resnet"])
    "unknown kind 'x'; there are: lstm, resnet"

    Args:
        what: the kind of the name.
        name: the name.
        choices: the known names.
    """
    if isinstance(name, bool):
        return misread_scalar(name)
    known = [str(choice) for choice in choices]
    nearest = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    if nearest:
        return f"unknown {what} {str(name)!r}; did you mean {nearest[0]!r}?"
    return f"unknown {what} {str(name)!r}; there are: {', '.join(known) or 'none'}"


def misread_scalar(value: bool | int | float) -> str:
    """Return the message for a plain scalar of YAML that was meant as text.

    YAML reads the bare words yes, no, on and off as truth values, and a message of bits as a number.

    >>> misread_scalar(True)
    'YAML reads this as the truth value true: put quotes around it'
    """
    reading = f"the truth value {str(value).lower()}" if isinstance(value, bool) else f"the number {value}"
    return f"YAML reads this as {reading}: put quotes around it"
