"""Tables and text in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Return a table in Markdown.

    Args:
        headings: one for each column.
        rows: cells as text; line breaks and vertical bars in them are escaped.

    >>> print(table(["a", "b"], [["1", "x|y"]]), end="")
    | a | b |
    |---|---|
    | 1 | x\|y |
    """
    lines = [list(headings), *([cell(text) for text in row] for row in rows)]
    shown = [f"| {' | '.join(line)} |" for line in lines]
    shown.insert(1, "|---" * len(headings) + "|")
    return "\n".join(shown) + "\n"


def cell(text: str) -> str:
    """Return a text as it may stand in a cell of a table: on one line, its vertical bars escaped."""
    return " ".join(text.split()).replace("|", r"\|")


def code(text: object) -> str:
    """Return a text as code.

    >>> code("a")
    '`a`'
    """
    return f"`{text}`"


def plain(docstring: str | None) -> str:
    """Return a docstring in Markdown: literals of reStructuredText become code, and cross-references their names."""
    import inspect
    import re

    text = inspect.cleandoc(docstring or "").replace("``", "`")
    return re.sub(r":\w+:`[~.]?([^`]+)`", r"`\1`", text)


def first_paragraph(docstring: str | None) -> str:
    """Return the first paragraph of a docstring on one line, in Markdown."""
    return " ".join(plain(docstring).partition("\n\n")[0].split())
