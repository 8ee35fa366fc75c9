"""Columns of a LaTeX table that fit side by side on a page."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import groupby

# In points: the width of the text in the class article with 10 pt, its \small and \footnotesize in which values and
# intervals are set, and twice the \tabcolsep that the tables set.
TEXT_WIDTH = 345.0
SMALL = 9.0
FOOTNOTE = 8.0
SEPARATION = 6.0
# What makes them so, at the beginning of a group.
NARROW_COLUMNS = r"\small\parindent=0pt\setlength{\tabcolsep}{3pt}"
# Of Computer Modern, in ems: digits are those of its bold face.
NARROW, LETTER, DIGIT, WIDE = 0.34, 0.5, 0.575, 0.78


def column_width(cells: Sequence[tuple[str, str]]) -> float:
    """Return an estimate of a column's width in points.

    Args:
        cells: the text of each cell, and its interval in smaller type; without markup.
    """
    widths = (SMALL * _ems(f"{text} " if interval else text) + FOOTNOTE * _ems(interval) for text, interval in cells)
    return max(widths, default=0.0) + SEPARATION


def _ems(text: str) -> float:
    return sum(_em(character) for character in text)


def _em(character: str) -> float:
    if character in " .,:;'|!()[]ijl":
        return NARROW
    if character.isdigit():
        return DIGIT
    return LETTER if character in "↑↓" or (character.islower() and character not in "mw") else WIDE


def fitting_blocks(widths: Sequence[float], groups: Sequence[Hashable], available: float) -> list[list[int]]:
    """Divide columns into blocks that are no wider than a page; groups are divided only where one alone is too wide.

    >>> fitting_blocks([3, 3, 3, 3, 9], ["a", "a", "b", "b", "c"], 8)
    [[0, 1], [2, 3], [4]]

    Args:
        widths: of the columns.
        groups: of the columns; those of one group are neighbours.
        available: for each block. A wider column is a block of its own.

    Returns:
        The indices of each block's columns.
    """
    blocks: list[list[int]] = [[]]
    for group in _groups(groups):
        whole = sum(widths[index] for index in group) <= available
        for part in [group] if whole else [[index] for index in group]:
            used = sum(widths[index] for index in blocks[-1])
            if blocks[-1] and used + sum(widths[index] for index in part) > available:
                blocks.append([])
            blocks[-1].extend(part)
    return blocks


def _groups(groups: Sequence[Hashable]) -> Iterator[list[int]]:
    for _, indices in groupby(range(len(groups)), key=groups.__getitem__):
        yield list(indices)
