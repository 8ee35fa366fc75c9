"""Maps: a number for each pair of two names, such as of a trigger and a defence, as coloured cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from sanguinaria.core.columns import Columns
from sanguinaria.core.errors import InputError
from sanguinaria.reports.panels import Panel

# Light for low values, and distinguishable without red and green.
COLOURS = "YlGnBu"
# In the place of a value that there is not, and its colour.
MISSING, FAINT = "–", "0.4"
# Inches of the cells of a row, and of a letter of 8 points.
WIDTH, LETTER = 5.8, 0.07
# Brightness, from 0 to 1, below which a number on a cell is white; the weights are ITU-R BT.709's.
DARK, WEIGHTS = 0.5, (0.2126, 0.7152, 0.0722)


def draw_map(axes: Axes, points: pd.DataFrame, panel: Panel, columns: Columns) -> None:
    """Draw cells of ``panel.y``, columns of ``panel.x`` and rows of ``panel.rows``; one without a value is white.

    Rates are in per cent, and their colours go from 0 to 100; those of other columns from the least to the greatest.

    Args:
        axes: of the panel.
        points: one point a line, with the panel's columns.
        panel: names the columns of the map.
        columns: of the table that the points are from.

    Raises:
        InputError: several points are of one cell.
    """
    values = cells(points, panel, columns)
    shown = columns[panel.y]
    least, greatest = (0, 100) if shown.percent else (None, None)
    drawn = axes.imshow(
        values.replace([np.inf, -np.inf], np.nan).to_numpy(float),
        cmap=COLOURS,
        aspect="auto",
        vmin=least,
        vmax=greatest,
    )
    names = list(map(str, values.columns))
    fits = LETTER * max(map(len, names)) < WIDTH / len(names)
    tilted: dict[str, Any] = {} if fits else {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(names)), names, **tilted)
    axes.set_yticks(range(values.shape[0]), list(map(str, values.index)))
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    # Whole per cent: a cell holds no more.
    digits = 0 if shown.percent else shown.digits
    for (row, place), value in np.ndenumerate(values.to_numpy(float)):
        if not np.isfinite(value):
            text = MISSING if np.isnan(value) else shown.text(value)
            axes.text(place, row, text, ha="center", va="center", color=FAINT, fontsize=7)
        else:
            colour = "white" if _brightness(drawn.cmap(drawn.norm(value))) < DARK else "black"
            axes.text(place, row, f"{value:.{digits}f}", ha="center", va="center", color=colour, fontsize=7)


def cells(points: pd.DataFrame, panel: Panel, columns: Columns) -> pd.DataFrame:
    """Return the values of a map, in the drawn unit: names in the order of the points, numbers in their own.

    Args:
        points: one point a line, with the panel's columns.
        panel: names the columns of the map.
        columns: of the table that the points are from; they give the unit.

    Raises:
        InputError: several points are of one cell.
    """
    assert panel.rows is not None
    values = points.dropna(subset=[panel.y]).drop_duplicates([panel.rows, panel.x, panel.y])
    twice = values[values.duplicated([panel.rows, panel.x])]
    if not twice.empty:
        row, across = twice.iloc[0][[panel.rows, panel.x]]
        raise InputError(
            f"figure: several points are of {panel.rows} {row!r} and {panel.x} {across!r}; choose by `where`"
        )
    table = values.pivot(index=panel.rows, columns=panel.x, values=panel.y) * columns[panel.y].scale
    return table.reindex(index=_order(points[panel.rows]), columns=_order(points[panel.x]))


def _order(values: pd.Series) -> list[object]:
    unique = values.unique().tolist()
    return sorted(unique) if pd.api.types.is_numeric_dtype(values) else unique


def _brightness(colour: Any) -> float:
    return float(np.dot(colour[:3], WEIGHTS))
