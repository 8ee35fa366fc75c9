"""Annotations of a page's numbers: HTML comments ``<!-- numbers: STATEMENT; STATEMENT -->``.

Below a heading an annotation holds for the section, elsewhere for the next block. Its statements:

- ``tables A, B``: the numbers are of these published tables, instead of those that the section links.
- ``behind the filter means defence lowpass``: labels of rows and columns with this phrase stand for an entry, or for
  several in the order of a cell's numbers (``means victim lstm, resnet18``), for any of some (``means distortion fast
  or slow``), or for entries of several columns (``means trigger clean and poisoning none``). ``metric`` is the measured
  column, ``source printed`` a paper's value, ``table`` the published table.
- ``otherwise defence none``: the entry where no label names one.
- ``5.1, 5.7 are victim lstm and trigger pbsm, jingleback``: entries of numbers in prose, in their order.
- ``0.24 = 12.11 − 11.87``: a number computed from the table's numbers.
- ``13.2, 4.5: REASON`` or ``all: REASON``: where numbers come from that no published table has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sanguinaria.core.errors import InputError

Entries = Mapping[str, tuple[str, ...]]
_NUMBERS = re.compile(r"^(all|[−+\d.,–() ]+): (.+)$")
_NAMED = re.compile(r"^([−+\d.,–() ]+) (?:is|are) (.+)$")
_FORMULA = re.compile(r"^([−+]?[\d.,]+) = (.+)$")


@dataclass
class Annotations:
    """Statements that hold for a block.

    Attributes:
        tables: published tables, or None for those that are linked.
        phrases: entries by the phrase of a label.
        defaults: entries where no label names one.
        claims: entries by the number that is of them.
        formulas: by the number that they give.
        reasons: by a number, or by ``all``.
    """

    tables: list[str] | None = None
    phrases: dict[str, Entries] = field(default_factory=dict)
    defaults: dict[str, tuple[str, ...]] = field(default_factory=dict)
    claims: dict[str, Entries] = field(default_factory=dict)
    formulas: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def parse(comments: Iterable[str]) -> Annotations:
    """Parse annotations; later ones, of inner sections and blocks, come before earlier ones.

    Args:
        comments: texts behind ``numbers:``.

    Returns:
        The statements of all of them.

    Raises:
        InputError: a statement has none of the forms.
    """
    result = Annotations()
    for comment in comments:
        for statement in filter(None, (part.strip() for part in comment.split(";"))):
            _add(result, statement)
    return result


def _add(result: Annotations, statement: str) -> None:
    phrase, means, entries = statement.partition(" means ")
    if statement.startswith("tables "):
        result.tables = _names(statement.removeprefix("tables "))
    elif statement.startswith("otherwise "):
        result.defaults |= _entries(statement.removeprefix("otherwise "))
    elif means:
        result.phrases[phrase.strip("` ")] = _entries(entries)
    elif match := _NAMED.match(statement):
        numbers, claimed = match[1].split(", "), _entries(match[2])
        for position, number in enumerate(numbers):
            result.claims[number] = at_position(claimed, position, len(numbers))
    elif match := _FORMULA.match(statement):
        result.formulas[match[1]] = match[2]
    elif match := _NUMBERS.match(statement):
        result.reasons |= dict.fromkeys(match[1].split(", "), match[2])
    else:
        raise InputError(f"numbers: '{statement}' is no statement about numbers. Its forms are in CONTRIBUTING.md.")


def at_position(entries: Entries, position: int, count: int) -> dict[str, tuple[str, ...]]:
    """Return the entries of one of several numbers: of as many names its own, of any other number of names all.

    Args:
        entries: of all numbers.
        position: of the number, from 0.
        count: of the numbers.
    """
    return {
        column: names[position : position + 1] if len(names) == count else names for column, names in entries.items()
    }


def _entries(text: str) -> dict[str, tuple[str, ...]]:
    result = {}
    for part in text.split(" and "):
        column, _, names = part.strip().partition(" ")
        result[column] = tuple(_names(names))
    return result


def _names(text: str) -> list[str]:
    return [name.strip("` ") for name in text.split(",")]


def named(label: str, phrases: Mapping[str, Entries]) -> dict[str, tuple[str, ...]]:
    """Return the entries that a label names, in its order; a longer phrase comes before a shorter one within it.

    Args:
        label: of a row or a column.
        phrases: entries by phrase.
    """
    places: list[tuple[int, Entries]] = []
    for phrase in sorted(phrases, key=len, reverse=True):
        for match in re.finditer(rf"(?<![\w.−]){re.escape(phrase)}(?![\w]|\.\d)", label):
            places.append((match.start(), phrases[phrase]))
        label = re.sub(rf"(?<![\w.−]){re.escape(phrase)}(?![\w]|\.\d)", lambda match: "\0" * len(match[0]), label)
    return _merged([entries for _, entries in sorted(places, key=lambda place: place[0])])


def _merged(parts: Sequence[Entries]) -> dict[str, tuple[str, ...]]:
    result: dict[str, tuple[str, ...]] = {}
    for part in parts:
        for column, names in part.items():
            result[column] = (*result.get(column, ()), *names)
    return result
