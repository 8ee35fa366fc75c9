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
import traceback
from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugin_checks import class_problems
from sanguinaria.core.plugin_members import value_problems
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

    @classmethod
    def unmet_demands(cls) -> Iterator[str]:
        """Yield what the class lacks, or has in vain, beside abstract methods: such as the one of two methods that a
        choice of the class demands."""
        yield from ()

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        """Yield the problems of the entry with the entries that it refers to, as (field, message) pairs.

        Args:
            referenced: the entries of :attr:`references` by field, without those of lists.
        """
        yield from ()

    def sample_rate_error(self, sample_rate: int) -> str | None:
        """Return the reason why the entry cannot be used with audio at ``sample_rate`` Hz; ``None`` where it can.

        The configuration's checks ask it of every corpus that a table uses the entry with, before anything is computed.
        """
        return None

    def duration_error(self, num_samples: int, sample_rate: int) -> str | None:
        """Return the reason why utterances of so many samples are too short for the entry; ``None`` where they are not.

        The configuration's checks ask it as they do :meth:`sample_rate_error`.
        """
        return None

    def missing_files(self) -> Iterator[tuple[str, str]]:
        """Yield the files that the entry reads and that are not there, as (field, message) pairs.

        They are a problem of the runs alone whose results need the entry: the configuration's checks leave them out.
        """
        yield from ()

    def require_sample_rate(self, sample_rate: int) -> None:
        """Check that the entry can be used with audio at ``sample_rate`` Hz.

        Raises:
            InputError: it cannot; the message starts with its kind.
        """
        if (message := self.sample_rate_error(sample_rate)) is not None:
            raise InputError(f"{kind_of(self)}: {message}")


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
        InputError: the module cannot be imported, does not define exactly one class derived from the room's protocol,
            or that class does not keep to the protocol; the message names the module and the cause.
    """
    if kind not in kinds(room):
        raise KeyError(kind)
    module = _import(f"sanguinaria.{room}.{kind}")
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Plugin)
        and value.__module__ == module.__name__
        and value.room == room
        and _protocol(value, room) is not None
    ]
    if len(classes) != 1:
        raise InputError(f"{module.__name__} must define exactly one plug-in class of its room, not {len(classes)}")
    protocol = _protocol(classes[0], room)
    if protocol is not None and (problems := class_problems(classes[0], protocol) or [*classes[0].unmet_demands()]):
        raise InputError(f"{module.__name__}, class {classes[0].__name__}: {'; '.join(problems)}")
    return classes[0]


def _protocol(model: type[Plugin], room: str) -> type[Plugin] | None:
    """Return the class of the room's ``__init__`` that a plug-in's class derives from; ``None`` for none."""
    protocols = [base for base in model.__mro__ if base.__module__ == f"sanguinaria.{room}" and "room" in vars(base)]
    return protocols[0] if protocols else None


def unsound_values(plugin: Plugin) -> list[str]:
    """Return the problems of the values of a plug-in's properties, such as a text where a truth value is asked for."""
    protocol = _protocol(type(plugin), plugin.room)
    return [] if protocol is None else [*value_problems(plugin, protocol)]


def _import(name: str) -> ModuleType:
    """Import a module of a plug-in; an error of it is one of the input, as users write plug-ins."""
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        summary = (str(error).strip().splitlines() or [""])[0]
        raise InputError(
            f"{name} cannot be loaded: {type(error).__name__}: {summary}{_line(error, name)}; correct the module"
        ) from error


def _line(error: BaseException, name: str) -> str:
    """Return the line of the plug-in where its import failed; empty where it is not known."""
    if isinstance(error, SyntaxError):  # whose message has it
        return ""
    frames = list(traceback.walk_tb(error.__traceback__))
    lines = [line for frame, line in frames if str(frame.f_globals.get("__name__")).startswith(name)]
    return f" (line {lines[-1]})" if lines else ""


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
