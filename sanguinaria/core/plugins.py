"""Plug-ins: one file or folder in a room, one entry in the configuration.

A *room* is a package such as ``sanguinaria.triggers``; every module or package in it is a plug-in, and defines one
class derived from the room's protocol (the class that its ``__init__`` defines). A name that begins with an underscore
is no plug-in: it holds what several plug-ins of the room share. The fields of that class are the entry's settings:
they are what the configuration may say, what the JSON schema shows, and what the identity of every result depends on.

The Snakefile imports these classes each time it is parsed, so a plug-in imports torch and its like inside its methods.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Plain, immutable, typed settings; an unknown key is an error.

    ``renamed`` maps former names of settings to those of today: not aliases, but what the error about one says.
    """

    renamed: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Plugin(Settings):
    """What every room's protocol derives from.

    ``room`` is the section of the configuration and the package that holds the plug-ins.
    """

    room: ClassVar[str]

    @property
    def references(self) -> Mapping[str, tuple[str, str | tuple[str, ...]]]:
        """Other entries that this one uses: field → (room, entry name), or all names of a field that lists them."""
        return {}

    @property
    def referred(self) -> list[tuple[tuple[str | int, ...], str, str]]:
        """Those entries one by one: the place, which is the field or a number in it, the room, and the entry's name."""
        found: list[tuple[tuple[str | int, ...], str, str]] = []
        for field, (room, names) in self.references.items():
            if isinstance(names, str):
                found.append(((field,), room, names))
            else:
                found += [((field, number), room, name) for number, name in enumerate(names)]
        return found

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        """What is wrong with the entry given the entries it refers to, as (field, message) pairs.

        ``referenced`` are by field; those of a list are not among them.
        """
        yield from ()


@cache
def kinds(room: str) -> tuple[str, ...]:
    """Names of the plug-ins of a room, sorted."""
    package = importlib.import_module(f"sanguinaria.{room}")
    return tuple(
        sorted(module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_"))
    )


@cache
def find(room: str, kind: str) -> type[Plugin]:
    """The class of the plug-in ``kind`` in ``room``.

    Raises:
        KeyError: no such module in the room.
        TypeError: the module does not hold exactly one class derived from the room's protocol.
    """
    if kind not in kinds(room):
        raise KeyError(kind)
    module = importlib.import_module(f"sanguinaria.{room}.{kind}")
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Plugin)
        and value.__module__ == module.__name__
        and getattr(value, "room", None) == room
    ]
    if len(classes) != 1:
        raise TypeError(f"{module.__name__} must define exactly one plug-in class of its room, not {len(classes)}")
    return classes[0]


def build(room: str, settings: Mapping[str, object]) -> Plugin:
    """A plug-in from its settings, ``kind`` included, as a stage's specification holds them."""
    values = dict(settings)
    return find(room, str(values.pop("kind"))).model_validate(values)


def describe(plugin: Plugin) -> dict[str, object]:
    """The plug-in's settings as plain builtins, ``kind`` and defaults included: the inverse of :func:`build`."""
    return {"kind": kind_of(plugin), **plugin.model_dump(mode="json")}


def kind_of(plugin: Plugin | type[Plugin]) -> str:
    """The plug-in's name: its module's."""
    return (plugin if isinstance(plugin, type) else type(plugin)).__module__.rpartition(".")[2]
