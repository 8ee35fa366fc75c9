"""The ends of the intervals of a figure's points."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sanguinaria.core.columns import Columns


def interval_ends(points: pd.DataFrame, name: str, columns: Columns) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the ends of a column's intervals in the drawn unit.

    Args:
        points: one a line, with ``{name}_low`` and ``{name}_high`` where the column has intervals.
        name: of the column.
        columns: of the table that the points are from; they give the unit.

    Returns:
        The lower and the upper ends, (points,) each; ``None`` where no point has an interval.
    """
    ends = [f"{name}_{end}" for end in ("low", "high")]
    if not set(ends) <= set(points) or points[ends].isna().all(axis=None):
        return None
    # An end at infinity is not drawn.
    finite = points[ends].astype(float).replace([np.inf, -np.inf], np.nan)
    low, high = (finite[end].to_numpy() * columns[name].scale for end in ends)
    return low, high
