"""Bars: a group for each name, in which zero, little and no value are three things."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.transforms import offset_copy

from sanguinaria.core.columns import Columns
from sanguinaria.reports.drawing.interval_ends import interval_ends
from sanguinaria.reports.drawing.looks import Look
from sanguinaria.reports.drawing.maps import FAINT, MISSING
from sanguinaria.reports.panels import Panel

# The share of a name's place that its bars take.
GROUP_WIDTH = 0.8
# Of the highest bar; the value of a lower one stands above it.
LOW = 0.01


def draw_bars(
    axes: Axes,
    points: pd.DataFrame,
    panel: Panel,
    columns: Columns,
    looks: Mapping[tuple[str, str], Look],
    colours: Mapping[str, str],
    room: float,
) -> None:
    """Draw a group of bars for each name, one of each series and variant side by side, from 0 on.

    Args:
        axes: of the panel.
        points: one point a line, with the panel's columns; one without a value has a dash in the place of its bar.
        panel: names the columns.
        columns: of the table that the points are from.
        looks: by series and variant.
        colours: by trigger; where the names are triggers, these are the colours of the bars.
        room: how many letters fit on the horizontal axis.
    """
    own = points.drop_duplicates([panel.x, "series", "variant"])
    names = list(dict.fromkeys(own[panel.x]))
    order = {key: place for place, key in enumerate(looks)}
    keys = own[["series", "variant"]].apply(tuple, axis=1)
    own = own.assign(order=keys.map(order)).sort_values("order", kind="stable")
    counts = own.groupby(panel.x, sort=False)["series"].transform("size")
    width = GROUP_WIDTH / counts.max()
    places = own.groupby(panel.x, sort=False).cumcount()
    own = own.assign(across=own[panel.x].map(names.index) + (places + 0.5 - counts / 2) * width)
    named_below = (own["series"] == own[panel.x]).all() or len(looks) == 1
    for (series, variant), bars in own.groupby(["series", "variant"], sort=False):
        look = looks[series, variant]
        colour = [colours.get(name, look.colour) for name in bars[panel.x]] if panel.x == "trigger" else look.colour
        label = None if named_below else series
        _draw(axes, bars, panel, columns, width, {"color": colour, "hatch": look.hatch, "label": label})
    _write_low_values(axes, own, panel, columns)
    fitting = (name if len(name) < room / len(names) else name.replace("_", "\n") for name in map(str, names))
    axes.set_xticks(range(len(names)), list(fitting))
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.grid(axis="x", visible=False)


def _draw(
    axes: Axes, bars: pd.DataFrame, panel: Panel, columns: Columns, width: float, style: Mapping[str, Any]
) -> None:
    values = bars[panel.y].to_numpy(float)
    heights = np.where(np.isfinite(values), values * columns[panel.y].scale, np.nan)
    drawn = axes.bar(bars["across"], heights, 0.9 * width, **style)
    for bar in drawn:
        bar.set_edgecolor("white")
        if bar.get_height() == 0:  # its edge is seen, above the axis
            bar.set(edgecolor=bar.get_facecolor(), linewidth=2, zorder=3, clip_on=False)
    if ends := interval_ends(bars, panel.y, columns):
        errors = (heights - ends[0], ends[1] - heights)
        rim = [withStroke(linewidth=1.7, foreground="white")]
        axes.errorbar(bars["across"], heights, errors, fmt="none", color="black", elinewidth=0.7, path_effects=rim)


def _write_low_values(axes: Axes, bars: pd.DataFrame, panel: Panel, columns: Columns) -> None:
    """Write what a bar's height does not show: little, zero, infinity, and no value."""
    column = columns[panel.y]
    values = bars[panel.y].astype(float)
    tops = interval_ends(bars, panel.y, columns)
    ends = values * column.scale if tops is None else pd.Series(tops[1], bars.index).fillna(values * column.scale)
    highest = values[np.isfinite(values)].abs().max()
    above = offset_copy(axes.transData, fig=axes.get_figure(root=True), y=2, units="points")
    for value, across, end in zip(values, bars["across"], ends, strict=True):
        if not np.isfinite(value):
            text = MISSING if pd.isna(value) else column.text(value)
            axes.text(across, 0, text, transform=above, ha="center", va="bottom", color=FAINT)
        elif abs(value) <= LOW * highest:
            text = column.text(value) if value else "0"
            axes.text(across, end, text, transform=above, ha="center", va="bottom", fontsize=7)
    if not values.any():
        axes.set_ylim(0, 1)
