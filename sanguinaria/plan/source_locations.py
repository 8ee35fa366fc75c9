"""Source locations of problems: the file and line of a path of keys and list positions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

Place = tuple[Any, ...]

# The key by which Snakemake processes a file with YTE.
TEMPLATE_KEY = "__use_yte__"


@dataclass(frozen=True)
class Problem:
    """A problem at a place, which is a path of keys and list positions."""

    place: Place
    message: str


def mapping(value: Any) -> Mapping[Any, Any]:
    """Return the value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


class Document:
    """A configuration file with its lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.root = yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)
        except yaml.YAMLError:
            # Snakemake reads JSON that is no YAML, with tabs for example; then lines are unknown.
            self.root = None

    @cached_property
    def values(self) -> Any:
        """The file as Snakemake reads it."""
        from snakemake.common.configfile import load_configfile

        return load_configfile(self.path)

    def line(self, place: Place) -> int:
        """The line of the deepest part of a place that is written out in the file."""
        keys = yaml.SafeLoader("")
        node, line = self.root, 0
        for part in place:
            children = {}
            if isinstance(node, yaml.MappingNode):
                children = {str(keys.construct_object(key)): (key, value) for key, value in _own_pairs(node)}
            elif isinstance(node, yaml.SequenceNode):
                children = {str(position): (value, value) for position, value in enumerate(node.value)}
            if str(part) not in children:
                break
            start, node = children[str(part)]
            line = start.start_mark.line
        return line + 1

    def templates(self) -> Iterator[Problem]:
        """The key that makes Snakemake run a file's expressions as Python: a configuration is data, no program."""
        pairs = _own_pairs(self.root) if isinstance(self.root, yaml.MappingNode) else []
        for key, _ in pairs:
            if key.value == TEMPLATE_KEY:
                line = key.start_mark.line + 1
                message = f"line {line} of {self.path} turns on templates, which run code: write plain YAML"
                yield Problem((TEMPLATE_KEY,), message)

    def repeated_keys(self) -> Iterator[Problem]:
        """Keys that a mapping has twice, of which YAML keeps the last: two entries of a name, or a repeated setting."""
        yield from self._repeated_keys((), self.root)

    def _repeated_keys(self, place: Place, node: yaml.Node | None) -> Iterator[Problem]:
        if not isinstance(node, yaml.MappingNode):
            return
        lines: dict[str, int] = {}
        for key, value in _own_pairs(node):
            line = key.start_mark.line + 1
            if key.value in lines:
                message = f"is in {self.path} twice, on lines {lines[key.value]} and {line}"
                yield Problem((*place, key.value), message)
            lines[key.value] = line
            yield from self._repeated_keys((*place, key.value), value)


def _own_pairs(node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
    """Keys and values, without those that a merge key adds."""
    return [(key, value) for key, value in node.value if key.tag != "tag:yaml.org,2002:merge"]


def report(problems: Iterable[Problem], config: Mapping[str, Any], documents: Sequence[Document]) -> str:
    """Return all problems as one message, a line each, in the order of their places in the files.

    Args:
        problems: with their places in the configuration.
        config: the merged configuration.
        documents: its files, in the order in which they are merged.
    """
    located = sorted({(*_locate(p.place, config, documents), f"{_dotted(p.place)}: {p.message}") for p in problems})
    lines = [f"  {origin}{text}" for _, _, origin, text in located]
    count = f"{len(lines)} problem{'s' if len(lines) > 1 else ''}"
    return "\n".join([f"The configuration has {count}; nothing was run.", *lines])


def _dotted(place: Place) -> str:
    return "".join(f"[{part}]" if type(part) is int else f".{part}" for part in place).removeprefix(".")


def _locate(place: Place, config: Mapping[str, Any], documents: Sequence[Document]) -> tuple[int, int, str]:
    """Return the number of the file that a place is from, its line there, and both as text.

    It is the last file that has as much of the place as the configuration has. Where no file has it, or another value
    than the configuration, the command line set it.
    """
    existing = _existing(place, config)
    for number, document in reversed([*enumerate(documents)]):
        if existing and _existing(existing, document.values) == existing:
            if _setting(existing, document.values) != _setting(existing, config):
                break
            line = document.line(existing)
            return number, line, f"{document.path}:{line}: "
    return len(documents), 0, "--config: " if existing and documents else ""


def _existing(place: Place, values: Any) -> Place:
    """The longest part of a place that exists."""
    for depth, part in enumerate(place):
        if part not in (range(len(values)) if isinstance(values, list | tuple) else mapping(values)):
            return place[:depth]
        values = values[part]
    return place


def _setting(place: Place, values: Any) -> Any:
    """The value that one file would replace of another at a place: a list as a whole, a mapping not at all."""
    for part in place:
        if isinstance(values, Mapping):
            values = values[part]
    return None if isinstance(values, Mapping) else values
