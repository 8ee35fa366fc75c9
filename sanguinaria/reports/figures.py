"""Figures: up to six panels of lines, bars or maps, the same bytes for the same points.

A line follows its horizontal axis where that is a setting, such as the poisoning rate. Where both axes are measured,
as in a trade-off of PESQ and attack success, it follows the column ``order``, and ``annotation`` names its points.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from sanguinaria.core.atomic_files import atomic
from sanguinaria.core.columns import Columns
from sanguinaria.core.errors import InputError
from sanguinaria.reports.drawing.annotations import place_annotations
from sanguinaria.reports.drawing.bars import draw_bars
from sanguinaria.reports.drawing.interval_ends import interval_ends
from sanguinaria.reports.drawing.legends import draw_legend
from sanguinaria.reports.drawing.looks import Look, choose_looks
from sanguinaria.reports.drawing.maps import draw_map
from sanguinaria.reports.panels import Panel

MOST_PANELS = 6
# Inches: a page of two columns of 3.5 each, and one of them.
COLUMN_WIDTH = 3.5
PANEL_HEIGHT = 2.5
CELL_HEIGHT, MAP_MARGIN = 0.2, 1.2
# The share of a column that the axes take, and the width of a letter of 8 points, in inches.
AXES_SHARE, LETTER = 0.83, 0.07
PNG_RESOLUTION = 200
# matplotlib brings this font, so texts are as wide everywhere.
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "svg.fonttype": "path",
    "svg.hashsalt": "sanguinaria",
}
# At most so many values of a setting each have a tick of their own on a logarithmic axis.
MOST_TICKS = 8


def draw(
    points: pd.DataFrame, panels: Sequence[Panel], columns: Columns, colours: Mapping[str, str], *, svg: Path, png: Path
) -> None:
    """Draw the panels, and write the figure in both formats.

    Args:
        points, panels, columns, colours: as in :func:`figure`.
        svg, png: destinations.

    Raises:
        InputError: as :func:`figure`.
    """
    with style.context(["default", STYLE]):
        save(figure(points, panels, columns, colours), svg, png)


def save(drawn: Figure, svg: Path, png: Path) -> None:
    """Write a figure in both formats; equal ones are equal bytes, where they are drawn and written in one style.

    Args:
        drawn: the figure.
        svg: destination of the vector graphics.
        png: destination of the picture, at :data:`PNG_RESOLUTION` dots per inch.
    """
    with atomic(svg) as temporary:
        drawn.savefig(temporary, metadata={"Date": None})
    with atomic(png) as temporary:
        drawn.savefig(temporary, dpi=PNG_RESOLUTION)


def figure(points: pd.DataFrame, panels: Sequence[Panel], columns: Columns, colours: Mapping[str, str] = {}) -> Figure:
    """Draw a figure without writing it.

    Args:
        points: one point a line: ``series`` and, where a series is several lines, ``variant`` (their names in the
            legend), the panels' columns as in the wide table (rates are fractions, drawn in per cent), for intervals
            ``{column}_low`` and ``{column}_high``, and for trade-offs ``order``, which is missing where no line joins
            the points, ``annotation``, and ``order_by``, the column that it is from. A point without a panel's values
            is not in that panel; with a column ``panel`` a point is in the one panel of that number, counted from 1.
        panels: one to six.
        columns: of the table that the points are from.
        colours: by trigger; a series has its trigger's, if the points have a column ``trigger``.

    Raises:
        InputError: too many or no panels; a column is missing or has no numbers; a value that is not above 0 on a
            logarithmic axis.
    """
    if not 1 <= len(panels) <= MOST_PANELS:
        raise InputError(f"figure: it has {len(panels)} panels; give one to {MOST_PANELS}")
    if "variant" not in points:
        points = points.assign(variant="")
    shown = [_of_panel(points, number) for number in range(1, len(panels) + 1)]
    for panel, own in zip(panels, shown, strict=True):
        _check(own, panel)
    with style.context(["default", STYLE]):
        looks = choose_looks(points, colours)
        drawn, axes = _axes(panels, shown)
        for place, panel in enumerate(panels):
            _draw_panel(axes[place], shown[place], panel, columns, looks, colours)
        _share_names(axes[: len(panels)])
        _set_titles(axes, panels, columns)
        draw_legend(drawn, axes[: len(panels)], points, looks, columns)
        place_annotations(drawn)
    return drawn


def _share_names(axes: Sequence[Axes]) -> None:
    """Leave out the names below a map where the map below has the same."""
    for upper, lower in pairwise(axes):
        same = [label.get_text() for label in upper.get_xticklabels()] == [
            label.get_text() for label in lower.get_xticklabels()
        ]
        if upper.images and lower.images and same and upper.get_xlabel() == lower.get_xlabel():
            upper.set_xlabel("")
            upper.set_xticklabels([])


def _set_titles(axes: Sequence[Axes], panels: Sequence[Panel], columns: Columns) -> None:
    """Titles, but for those that an axis, the panel above or the one on the left has already."""
    # No axis of a map names the value of its cells.
    titles = [panel.title or (columns[panel.y].axis if panel.rows else "") for panel in panels]
    across = axes[0].get_subplotspec().get_gridspec().ncols  # type: ignore[union-attr]
    for place, (own, title) in enumerate(zip(axes, titles, strict=False)):
        neighbours = [titles[place - across]] if place >= across else []
        neighbours += [titles[place - 1]] if place % across else []
        repeated = title in neighbours or any(
            label.casefold().startswith(title.casefold()) for label in (own.get_xlabel(), own.get_ylabel())
        )
        letter = f"({string.ascii_lowercase[place]}) " if len(panels) > 1 else ""
        own.set_title(f"{letter}{'' if repeated else title}".strip(), loc="left")


def _of_panel(points: pd.DataFrame, number: int) -> pd.DataFrame:
    return points[points["panel"] == number] if "panel" in points else points


def _check(points: pd.DataFrame, panel: Panel) -> None:
    for name in ("series", *panel.columns):
        if name not in points:
            raise InputError(f"figure: there is no column {name!r}; the points have {', '.join(map(str, points))}")
    if not pd.api.types.is_numeric_dtype(points[panel.y]):
        raise InputError(f"figure: column {panel.y!r} does not hold numbers; draw one that does")
    if _is_of_names(points, panel) and panel.x_log:
        raise InputError(f"figure: {panel.x} has names, which no logarithm is of; set x_log to false")
    if points[[panel.x, panel.y]].dropna().empty:
        raise InputError(f"figure: no point has both {panel.x} and {panel.y}; draw other columns")
    if not _is_of_names(points, panel) and panel.x_log and (points.loc[points[panel.y].notna(), panel.x] <= 0).any():
        raise InputError(f"figure: {panel.x} has values that are not above 0; leave them out, or set x_log to false")


def _axes(panels: Sequence[Panel], shown: Sequence[pd.DataFrame]) -> tuple[Figure, list[Axes]]:
    """One panel is a column wide; more stand side by side, in two rows from three on. Maps are a page wide."""
    count = len(panels)
    mapped = any(panel.rows for panel in panels)
    columns = 1 if mapped else min(count, 2)
    rows = -(-count // columns)
    # Where two stand side by side, they are of one height.
    heights = [_height(panel, points) for panel, points in zip(panels, shown, strict=True)][::columns]
    width = COLUMN_WIDTH * (2 if mapped else columns)
    drawn = Figure(figsize=(width, sum(heights) + 0.4), layout="constrained")
    FigureCanvasAgg(drawn)
    axes = list(drawn.subplots(rows, columns, squeeze=False, height_ratios=heights).ravel())
    for unused in axes[count:]:
        unused.set_axis_off()
    return drawn, axes


def _height(panel: Panel, points: pd.DataFrame) -> float:
    return PANEL_HEIGHT if panel.rows is None else MAP_MARGIN + CELL_HEIGHT * points[panel.rows].nunique()


def _draw_panel(
    axes: Axes,
    points: pd.DataFrame,
    panel: Panel,
    columns: Columns,
    looks: Mapping[tuple[str, str], Look],
    colours: Mapping[str, str],
) -> None:
    axes.set_xlabel(columns[panel.x].axis if panel.x_label is None else panel.x_label)
    vertical = panel.y if panel.rows is None else panel.rows
    axes.set_ylabel(columns[vertical].axis if panel.y_label is None else panel.y_label)
    if panel.rows is not None:
        draw_map(axes, points, panel, columns)
    elif _is_of_names(points, panel):
        draw_bars(axes, points, panel, columns, looks, colours, COLUMN_WIDTH * AXES_SHARE / LETTER)
    else:
        _draw_lines(axes, points, panel, columns, looks)


def _draw_lines(
    axes: Axes, points: pd.DataFrame, panel: Panel, columns: Columns, looks: Mapping[tuple[str, str], Look]
) -> None:
    trade_off = _is_trade_off(points, panel, columns)
    drawn = points.dropna(subset=[panel.x, panel.y])
    finite = drawn[np.isfinite(drawn[[panel.x, panel.y]].astype(float)).all(axis=1)]
    if len(finite) < len(drawn):
        axes.text(0.99, 0.01, "infinite values are left out", transform=axes.transAxes, ha="right", fontsize=7)
    # Many bands lie on one another: the more there are, the fainter is each.
    opacity = min(0.15, 0.3 / len(looks))
    for (series, variant), look in looks.items():
        line = finite[(finite["series"] == series) & (finite["variant"] == variant)]
        line = line.sort_values("order" if trade_off else panel.x, kind="stable").drop_duplicates([panel.x, panel.y])
        if line.empty:
            continue
        joined = not trade_off or line["order"].notna().all()
        x, y = (line[name] * columns[name].scale for name in (panel.x, panel.y))
        axes.plot(
            x,
            y,
            label=series,
            color=look.colour,
            marker=look.marker,
            linestyle=look.line if joined else "none",
            markeredgecolor="white",
            markeredgewidth=0.5,
        )
        as_bars = trade_off or len(line) == 1
        _draw_intervals(axes, line, panel, columns, look.colour, opacity=opacity, as_bars=as_bars)
        if trade_off and "annotation" in line:
            _annotate(axes, line["annotation"], x, y, look.colour)
    if panel.x_log:
        _logarithmic(axes, sorted((points[panel.x].dropna() * columns[panel.x].scale).unique()))
    # Names of points need room beside the outermost.
    axes.margins(*((0.1, 0.16) if trade_off else (0.06, 0.08)))


def _is_of_names(points: pd.DataFrame, panel: Panel) -> bool:
    return not pd.api.types.is_numeric_dtype(points[panel.x])


def _annotate(axes: Axes, texts: pd.Series, x: pd.Series, y: pd.Series, colour: str) -> None:
    """Name the points; :func:`place_annotations` finds where the names stand."""
    for text, across, up in zip(texts, x, y, strict=True):
        if not pd.isna(text) and text != "":
            name = axes.annotate(str(text), (across, up), (0, 0), textcoords="offset points", fontsize=7, color=colour)
            # A white rim: a line below it does not make it hard to read.
            name.set_path_effects([withStroke(linewidth=1.5, foreground="white")])


def _is_trade_off(points: pd.DataFrame, panel: Panel, columns: Columns) -> bool:
    """Whether both axes are measured: such columns are ranked, and settings have no better and worse."""
    return "order" in points and columns[panel.x].better is not None


def _draw_intervals(
    axes: Axes, line: pd.DataFrame, panel: Panel, columns: Columns, colour: str, *, as_bars: bool, opacity: float
) -> None:
    x, y = (line[name].to_numpy(float) * columns[name].scale for name in (panel.x, panel.y))
    across, up = interval_ends(line, panel.x, columns), interval_ends(line, panel.y, columns)
    if as_bars:
        errors: dict[str, Any] = {
            "xerr": across and (x - across[0], across[1] - x),
            "yerr": up and (y - up[0], up[1] - y),
        }
        axes.errorbar(x, y, **errors, fmt="none", color=colour, elinewidth=0.7, alpha=0.6)
    elif up:
        axes.fill_between(x, *up, color=colour, alpha=opacity, linewidth=0)


def _logarithmic(axes: Axes, values: Sequence[float]) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if len(values) <= MOST_TICKS:
        axes.xaxis.set_major_locator(FixedLocator(values))
        axes.xaxis.set_minor_locator(NullLocator())
