"""Texts of tables in Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

# In a column of a metric without any value, and below the table.
UNDEFINED = "–"
UNDEFINED_NOTE = "–: the metric has no value for any utterance"
_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "∞": r"$\infty$",
        "−": "$-$",
        **{character: rf"\{character}" for character in "&%$#_{}"},
    }
)


def escaped(text: str) -> str:
    r"""Return a text with LaTeX's special characters escaped.

    >>> print(escaped("50 % of a_b"))
    50 \% of a\_b
    """
    return text.translate(_LATEX)


def latex_row(cells: Sequence[str]) -> str:
    r"""Return a row of a ``tabular`` from cells that are LaTeX already."""
    return rf"{' & '.join(cells)} \\"


def is_undefined(values: pd.Series, requested: Collection[str]) -> bool:
    """Whether a requested metric has no value in any line; any other column without values was not asked for.

    >>> is_undefined(pd.Series([None, None], name="pesq"), {"pesq"})
    True

    Args:
        values: a column of the table, with its name.
        requested: the columns of the metrics that an evaluation requests.

    Returns:
        Whether the column is one of them and empty.
    """
    return values.name in requested and bool(values.isna().all())


def is_bound(table: pd.DataFrame, name: str) -> bool:
    """Whether a column is an end of another column's interval."""
    return name.endswith(("_low", "_high")) and name.rpartition("_")[0] in table
