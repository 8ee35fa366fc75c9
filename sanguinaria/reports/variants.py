"""Lines of a figure: a series is divided where points of several defences, victims, … would be joined."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sanguinaria.core.columns import Columns

SEPARATOR = " · "
# Factors by which a series may be divided, those first that a reader looks for; settings of entries follow.
DIVIDING = ("trigger", "defence", "victim", "rate", "poisoning", "test_trigger", "corpus", "target")


def dividing_columns(points: pd.DataFrame, at: Sequence[str], y: str, excluded: Sequence[str]) -> list[str]:
    """Find the columns that tell the points of a series at one place of a line apart.

    Args:
        points: one a line, with ``series``, the columns in ``DIVIDING`` and, under names with a dot, entries' settings.
        at: the columns that say where along its line a point is; without any, all points of a series are told apart.
        y: what is measured; equal values at one place are one point.
        excluded: columns that are on an axis, or order the points.

    Returns:
        As few columns as do, those of few values first; none where a series has one point at each place.
    """
    settings = [name for name in points if "." in name]
    candidates = [name for name in (*DIVIDING, *settings) if name in points and name not in excluded]
    distinct = points.drop_duplicates(["series", *at, y])
    chosen: list[str] = []
    while conflicts := _conflicts(distinct, [*at, *chosen]):
        left = {name: _conflicts(distinct, [*at, *chosen, name]) for name in candidates}
        if not left or min(left.values()) == conflicts:
            break
        chosen.append(min(left, key=lambda name: (left[name], distinct[name].nunique())))
        candidates.remove(chosen[-1])
    return chosen


def _conflicts(points: pd.DataFrame, columns: Sequence[str]) -> int:
    return int(points.duplicated(["series", *columns]).sum())


def divided(points: pd.DataFrame, by: Sequence[str], columns: Columns) -> pd.DataFrame:
    """Name the parts of each series in a column ``variant``; triggers become series of their own.

    Args:
        points: as in :func:`dividing_columns`.
        by: the columns whose values divide the series.
        columns: of the table, for the units of numbers.

    Returns:
        The points, with ``series`` and ``variant``, which is empty where nothing divides them.
    """
    points = points.assign(variant="")
    for name in by:
        names = points[name].map(lambda value, name=name: _text(value, name, columns))
        target = "series" if name == "trigger" else "variant"
        points[target] = (
            points[target].str.cat(names, SEPARATOR).str.removeprefix(SEPARATOR).str.removesuffix(SEPARATOR)
        )
    return points


def _text(value: object, name: str, columns: Columns) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, str):
        return value
    column = columns[name]
    unit = " %" if column.percent else ""
    return f"{column.label} {value * column.scale:g}{unit}"  # type: ignore[operator]
