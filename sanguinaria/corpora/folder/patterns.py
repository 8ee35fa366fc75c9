"""Regular expressions that read label, speaker and split from the path of a recording."""

from __future__ import annotations

import re
from typing import NamedTuple

from sanguinaria.core.errors import InputError
from sanguinaria.corpora import SPLITS, Split

GROUPS = ("label", "speaker", *SPLITS)


class Parts(NamedTuple):
    """Parts of a path that a pattern has groups for; ``None`` for the others."""

    label: str | None = None
    speaker: str | None = None
    split: Split | None = None


def groups_of(pattern: str) -> frozenset[str]:
    """Return the names of the groups of a pattern.

    Raises:
        ValueError: it is no regular expression, or has no group of :data:`GROUPS`, or others.
    """
    try:
        groups = frozenset(re.compile(pattern).groupindex)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    if not groups or not groups <= set(GROUPS):
        raise ValueError(f"needs named groups such as (?P<label>[a-z]+), of {', '.join(GROUPS)}")
    return groups


def parts_of(name: str, pattern: str) -> Parts:
    """Return the parts of a path below the corpus's folder.

    The groups of splits are a choice, as in ``_((?P<test>[0-4])|(?P<train>[0-9]+))``: a path is of the split whose
    group takes part in the match.

    Example:
        >>> parts_of("7_ann_0.wav", r"(?P<label>[0-9])_(?P<speaker>[a-z]+)_((?P<test>[0-4])|(?P<train>[0-9]+))[.]wav")
        Parts(label='7', speaker='ann', split='test')

    Raises:
        InputError: the pattern does not match, or a part is empty; the message does not have the corpus.
    """
    match = re.search(pattern, name)
    if match is None:
        raise InputError(f"pattern {pattern!r} does not match {name!r}; correct it, or list the recordings in a table")
    groups = match.groupdict()
    splits: list[Split] = [split for split in SPLITS if groups.get(split) is not None]
    if len(splits) != 1 and not groups.keys().isdisjoint(SPLITS):
        raise InputError(f"pattern {pattern!r} finds {len(splits)} splits in {name!r}; it needs to find one")
    for part in ("label", "speaker"):
        if part in groups and not groups[part]:
            raise InputError(f"pattern {pattern!r} finds no {part} in {name!r}; correct it")
    return Parts(groups.get("label"), groups.get("speaker"), splits[0] if splits else None)
