"""Texts of tables in Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
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


def is_bound(table: pd.DataFrame, name: str) -> bool:
    """Whether a column is an end of another column's interval."""
    return name.endswith(("_low", "_high")) and name.rpartition("_")[0] in table
