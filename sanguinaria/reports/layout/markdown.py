"""Tables in Markdown that can be read as text: none is wider than a hundred characters, if its columns allow."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from sanguinaria.reports.layout.page_width import fitting_blocks

# Characters of a line, as an editor or a terminal shows it, without the marks of the best values.
WIDTH = 100
# Of " | " between two columns.
SEPARATION = 3
MARKS = ("**", "<u>", "</u>")


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown.

    >>> print(markdown_table(["trigger", "PESQ"], [["notch", "4.39"]]), end="")
    | trigger | PESQ |
    | --- | --- |
    | notch | 4.39 |
    """
    lines = (headings, ["---"] * len(headings), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def text_blocks(
    headings: Sequence[str], rows: Sequence[Sequence[str]], names: int, groups: Sequence[Hashable]
) -> list[list[int]]:
    """Divide a table into blocks of columns, each of which is as wide as a line of text with the columns of names.

    Args:
        headings: of all columns.
        rows: cells of all columns.
        names: the number of columns, the first ones, that name a row; every block has them.
        groups: of the other columns, which are divided between groups where they can be.

    Returns:
        The indices of each block's columns, without those of the names.
    """
    widths = [max(map(_width, column)) for column in zip(headings, *rows, strict=True)]
    available = WIDTH - sum(widths[:names])
    return [[names + index for index in block] for block in fitting_blocks(widths[names:], groups, available)]


def _width(cell: str) -> int:
    for mark in MARKS:
        cell = cell.replace(mark, "")
    return len(cell) + SEPARATION
