"""Errors of Python in plug-ins, which are errors of the input: users write plug-ins."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

from sanguinaria.core.plugins import Plugin


def defect_of_plugin(error: BaseException) -> str | None:
    """Return the message of an error that came about in a plug-in's module: the module, the line, the error.

    Args:
        error: that was raised.

    Returns:
        The message; ``None`` for an error on whose way no plug-in was called.
    """
    modules = {plugin.__module__ for plugin in _plugins(Plugin)}
    frames = [(str(frame.f_globals.get("__name__")), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    calls = [(name, line) for name, line in frames if name in modules]
    if not calls:
        return None
    module, line = calls[-1]
    summary = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}".rstrip(": ")
    return f"{module}, line {line}: {summary}; correct the plug-in"


def _plugins(base: type[Plugin]) -> Iterator[type[Plugin]]:
    """The classes of the plug-ins that are loaded, without the protocols of their rooms."""
    for model in base.__subclasses__():
        if model.__module__.count(".") >= 2:
            yield model
        yield from _plugins(model)
