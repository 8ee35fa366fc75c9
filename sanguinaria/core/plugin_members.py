"""Checks of a plug-in's methods and properties against those of its protocol, when its class is loaded.

A method in place of a property is true in every condition, a setting in its place is never read, and a method with
other parameters fails in a job.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from pydantic import BaseModel

# Types of properties that are checked, by their names in annotations.
SIMPLE_TYPES = {kind.__name__: kind for kind in (bool, int, str)}


def member_problems(model: type[BaseModel], protocol: type[BaseModel]) -> Iterator[str]:
    """Yield the problems of methods and properties that a plug-in's class overrides.

    Args:
        model: class of the plug-in.
        protocol: of its room, from which the class derives.
    """
    for name in dir(protocol):
        if name.startswith("_") or hasattr(BaseModel, name):
            continue
        declared = inspect.getattr_static(protocol, name)
        if not isinstance(declared, property) and not inspect.isfunction(declared):
            continue
        kind = "property" if isinstance(declared, property) else "method"
        if name in model.model_fields:
            yield f"{name} is a setting, and {protocol.__name__} has a {kind} of this name: rename the setting"
        elif overrides(model, name, protocol):
            yield from _member_problems(model, name, declared, protocol.__name__)


def overrides(model: type, name: str, base: type) -> bool:
    """Return whether a class has an attribute of its own in place of that of a base class.

    Args:
        model: the class.
        name: of the attribute.
        base: the base class.
    """
    return inspect.getattr_static(model, name) is not inspect.getattr_static(base, name)


def value_problems(plugin: BaseModel, protocol: type[BaseModel]) -> Iterator[str]:
    """Yield the problems of the values of a plug-in's properties, which differ from the types that the protocol states.

    Args:
        plugin: with the settings of its entry.
        protocol: of its room.
    """
    for name in dir(protocol):
        declared = inspect.getattr_static(protocol, name)
        if (
            not isinstance(declared, property)
            or hasattr(BaseModel, name)
            or not overrides(type(plugin), name, protocol)
        ):
            continue
        kind = SIMPLE_TYPES.get(str(inspect.signature(declared.fget).return_annotation))  # type: ignore[arg-type]
        if kind is not None and type(value := getattr(plugin, name)) is not kind:
            yield f"{type(plugin).__module__}: {name} is {value!r}: it has to be of the type {kind.__name__}"


def _member_problems(model: type, name: str, declared: Any, protocol: str) -> Iterator[str]:
    """Problems of one overridden method or property."""
    attribute = inspect.getattr_static(model, name)
    if isinstance(declared, property):
        if isinstance(attribute, staticmethod | classmethod) or inspect.isroutine(attribute):
            yield f"{name} is a method, and {protocol} has a property of this name: write @property above it"
    elif isinstance(attribute, property | cached_property):
        yield f"{name} is a property, and {protocol} has a method of this name: remove @property"
    elif not callable(getattr(model, name)):
        yield f"{name} = {attribute!r} is not allowed: {protocol} has a method of this name"
    elif inspect.iscoroutinefunction(attribute):
        yield f"{name} is asynchronous, and nothing awaits it: write `def` in place of `async def`"
    elif not _takes(model, name, declared):
        parameters = ", ".join(list(inspect.signature(declared).parameters)[1:])
        yield f"{name}{_signature(getattr(model, name))} cannot be called with ({parameters}): take these parameters"


def _takes(model: type, name: str, declared: Any) -> bool:
    """Whether a method can be called with the parameters of the protocol's."""
    parameters = list(inspect.signature(declared).parameters.values())[1:]
    positional = [each for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
    named = {each.name: each for each in parameters if each.kind is each.KEYWORD_ONLY}
    instance = [object()] if inspect.isfunction(inspect.getattr_static(model, name)) else []
    try:
        inspect.signature(getattr(model, name)).bind(*instance, *positional, **named)
    except TypeError:
        return False
    except ValueError:  # a callable of another language has no signature
        return True
    return True


def _signature(method: Any) -> str:
    """The parameters of a method by name."""
    return f"({', '.join(inspect.signature(method).parameters)})"
