"""Plug-ins: one file or folder in a room, one entry in the configuration.

A *room* is a package such as ``sanguinaria.triggers``; every module or package in it is a plug-in, and defines one
class derived from the room's protocol (the class that the room's ``__init__`` defines). A name with a leading
underscore is a part that several plug-ins of the room share. The fields of a plug-in's class are the entry's settings:
they define the configuration and its JSON schema, and the identity of every result depends on them.

The Snakefile imports these classes each time it is parsed, so a plug-in imports large libraries such as torch inside
its methods.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from sanguinaria.core.references import Reference


class Settings(BaseModel):
    """Immutable, typed settings; an unknown key is an error.

    ``renamed`` maps former names of settings to the present ones. A former name is an error, whose message has the
    present name.
    """

    renamed: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Plugin(Settings):
    """Base class of the protocols of all rooms.

    ``room`` is the section of the configuration, and the package of the plug-ins.
    """

    room: ClassVar[str]

    @property
    def references(self) -> Mapping[str, Reference | tuple[Reference, ...]]:
        """The references among the settings, by field."""
        references: dict[str, Reference | tuple[Reference, ...]] = {}
        for field, value in self:
            if isinstance(value, Reference) or (isinstance(value, tuple) and value and isinstance(value[0], Reference)):
                references[field] = value
        return references

    @property
    def referenced_entries(self) -> list[tuple[tuple[str | int, ...], str, str]]:
        """The entries of :attr:`references` one by one: (location, room, entry name).

        A location is (field,), or (field, index) in a list.
        """
        entries: list[tuple[tuple[str | int, ...], str, str]] = []
        for field, references in self.references.items():
            if isinstance(references, Reference):
                entries.append(((field,), references.room, references.name))
            else:
                entries += [((field, index), each.room, each.name) for index, each in enumerate(references)]
        return entries

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        """Yield the problems of the entry with the entries that it refers to, as (field, message) pairs.

        Args:
            referenced: the entries of :attr:`references` by field, without those of lists.
        """
        yield from ()


@cache
def kinds(room: str) -> tuple[str, ...]:
    """Return the sorted names of the plug-ins of a room."""
    package = importlib.import_module(f"sanguinaria.{room}")
    return tuple(
        sorted(module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_"))
    )


@cache
def find(room: str, kind: str) -> type[Plugin]:
    """Return the class of the plug-in ``kind`` in ``room``.

    Raises:
        KeyError: the room has no such module.
        TypeError: the module does not define exactly one class derived from the room's protocol.
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
    """Build a plug-in from its settings with ``kind``, the form of a stage's specification.

    >>> build("distortions", {"kind": "gain", "factor": 2})
    Gain(factor=2.0)
    """
    fields = dict(settings)
    return find(room, str(fields.pop("kind"))).model_validate(fields)


def describe(plugin: Plugin) -> dict[str, object]:
    """Return the settings of a plug-in as plain values, with ``kind`` and defaults: the inverse of :func:`build`."""
    return {"kind": kind_of(plugin), **plugin.model_dump(mode="json")}


def as_settings(plugin: Plugin) -> Reference:
    """Return the reference of a specification to a plug-in that acts within the stage."""
    return Reference(plugin.room, settings=json.dumps(describe(plugin), sort_keys=True))


def resolve(reference: Reference) -> Plugin:
    """Return the plug-in whose settings a reference of a specification has."""
    return build(reference.room, json.loads(reference.settings))


def kind_of(plugin: Plugin | type[Plugin]) -> str:
    """Return the name of a plug-in, which is that of its module."""
    return (plugin if isinstance(plugin, type) else type(plugin)).__module__.rpartition(".")[2]
