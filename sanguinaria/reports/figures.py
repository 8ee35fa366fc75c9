"""Figures: up to six panels of lines, bars or maps, the same bytes for the same points.

A line follows its horizontal axis where that is a setting, such as the poisoning rate. Where both axes are measured,
as in a trade-off of PESQ and attack success, it follows the column ``order``, and ``annotation`` names its points.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
from sanguinaria.reports.annotations import place_annotations
from sanguinaria.reports.maps import draw_map
from sanguinaria.reports.panels import Panel

MOST_PANELS = 6
# Inches: a page of two columns of 3.5 each, and one of them.
COLUMN_WIDTH = 3.5
PANEL_HEIGHT = 2.5
CELL_HEIGHT, MAP_MARGIN = 0.2, 1.2
# The share of a column that the axes take, and the width of a letter of 8 points, in inches.
AXES_SHARE, LETTER = 0.83, 0.07
PNG_RESOLUTION = 200
# Okabe and Ito (2008), "Color Universal Design", without yellow, which is faint on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
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
# The share of a name's place that its bars take.
GROUP_WIDTH = 0.8
# At most so many values of a setting each have a tick of their own on a logarithmic axis.
MOST_TICKS = 8


def draw(points: pd.DataFrame, panels: Sequence[Panel], columns: Columns, *, svg: Path, png: Path) -> None:
    """Draw the panels, and write the figure in both formats.

    Args:
        points, panels, columns: as in :func:`figure`.
        svg, png: destinations.

    Raises:
        InputError: as :func:`figure`.
    """
    with style.context(["default", STYLE]):
        save(figure(points, panels, columns), svg, png)


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


def figure(points: pd.DataFrame, panels: Sequence[Panel], columns: Columns) -> Figure:
    """Draw a figure without writing it.

    Args:
        points: one point a line: ``series`` (its name in the legend), the panels' columns as in the wide table (rates
            are fractions, drawn in per cent), for intervals ``{column}_low`` and ``{column}_high``, and for trade-offs
            ``order`` and ``annotation``. A point without a panel's values is not in that panel; with a column
            ``panel`` a point is in the one panel of that number, counted from 1.
        panels: one to six.
        columns: of the table that the points are from.

    Raises:
        InputError: too many or no panels; a column is missing or has no numbers; a value that is not above 0 on a
            logarithmic axis.
    """
    if not 1 <= len(panels) <= MOST_PANELS:
        raise InputError(f"figure: it has {len(panels)} panels; give one to {MOST_PANELS}")
    shown = [_of_panel(points, number) for number in range(1, len(panels) + 1)]
    for panel, own in zip(panels, shown, strict=True):
        _check(own, panel)
    with style.context(["default", STYLE]):
        styles = _styles(list(dict.fromkeys(points["series"])))
        drawn, axes = _axes(panels, shown)
        for place, panel in enumerate(panels):
            _draw_panel(axes[place], shown[place], panel, columns, styles)
            letter = f"({string.ascii_lowercase[place]}) " if len(panels) > 1 else ""
            # No axis of a map names the value of its cells.
            title = panel.title or (columns[panel.y].axis if panel.rows else "")
            axes[place].set_title(f"{letter}{title}".strip(), loc="left")
        _legend(drawn, axes[: len(panels)], styles)
        place_annotations(drawn)
    return drawn


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


def _styles(series: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The look of each series' line; colours, markers and lines repeat with different periods."""
    return {
        name: {
            "color": COLOURS[place % len(COLOURS)],
            "marker": MARKERS[place % len(MARKERS)],
            "linestyle": LINES[place % len(LINES)],
        }
        for place, name in enumerate(series)
    }


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
    axes: Axes, points: pd.DataFrame, panel: Panel, columns: Columns, styles: Mapping[str, dict[str, Any]]
) -> None:
    axes.set_xlabel(columns[panel.x].axis if panel.x_label is None else panel.x_label)
    if panel.rows is not None:
        axes.set_ylabel(columns[panel.rows].axis if panel.y_label is None else panel.y_label)
        draw_map(axes, points, panel, columns)
        return
    axes.set_ylabel(columns[panel.y].axis if panel.y_label is None else panel.y_label)
    if _is_of_names(points, panel):
        _draw_bars(axes, points, panel, columns, styles)
        return
    trade_off = _is_trade_off(points, panel, columns)
    # Many bands lie on one another: the more there are, the fainter is each.
    opacity = min(0.15, 0.3 / len(styles))
    for series, look in styles.items():
        line = points[points["series"] == series].dropna(subset=[panel.x, panel.y])
        line = line.sort_values("order" if trade_off else panel.x, kind="stable")
        if line.empty:
            continue
        x, y = (line[name] * columns[name].scale for name in (panel.x, panel.y))
        axes.plot(x, y, label=series, markeredgecolor="white", markeredgewidth=0.5, **look)
        as_bars = trade_off or len(line) == 1
        _draw_intervals(axes, line, panel, columns, look["color"], opacity=opacity, as_bars=as_bars)
        if trade_off and "annotation" in line:
            _annotate(axes, line["annotation"], x, y, look["color"])
    if panel.x_log:
        _logarithmic(axes, sorted((points[panel.x].dropna() * columns[panel.x].scale).unique()))
    # Names of points need room beside the outermost.
    axes.margins(*((0.1, 0.16) if trade_off else (0.06, 0.08)))


def _is_of_names(points: pd.DataFrame, panel: Panel) -> bool:
    return not pd.api.types.is_numeric_dtype(points[panel.x])


def _draw_bars(
    axes: Axes, points: pd.DataFrame, panel: Panel, columns: Columns, styles: Mapping[str, dict[str, Any]]
) -> None:
    """A group of bars for each name, one of each series side by side, from 0 on."""
    names = list(dict.fromkeys(points.dropna(subset=[panel.y])[panel.x]))
    drawn = [series for series in styles if points.loc[points["series"] == series, panel.y].notna().any()]
    width = GROUP_WIDTH / len(drawn)
    for place, series in enumerate(drawn):
        own = points[points["series"] == series].dropna(subset=[panel.y]).drop_duplicates(panel.x)
        across = own[panel.x].map(names.index) + (place + 0.5) * width - GROUP_WIDTH / 2
        heights = (own[panel.y] * columns[panel.y].scale).to_numpy(float)
        # The axes name a single series already.
        label = series if len(styles) > 1 else None
        axes.bar(across, heights, 0.9 * width, color=styles[series]["color"], label=label)
        if bounds := _bounds(own, panel.y, columns):
            errors = (heights - bounds[0], bounds[1] - heights)
            axes.errorbar(across, heights, yerr=errors, fmt="none", color="black", elinewidth=0.7)
    room = COLUMN_WIDTH * AXES_SHARE / len(names)
    fitting = (name if LETTER * len(name) < room else name.replace("_", "\n") for name in map(str, names))
    axes.set_xticks(range(len(names)), list(fitting))
    axes.grid(axis="x", visible=False)


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
    across, up = _bounds(line, panel.x, columns), _bounds(line, panel.y, columns)
    if as_bars:
        errors: dict[str, Any] = {
            "xerr": across and (x - across[0], across[1] - x),
            "yerr": up and (y - up[0], up[1] - y),
        }
        axes.errorbar(x, y, **errors, fmt="none", color=colour, elinewidth=0.7, alpha=0.6)
    elif up:
        axes.fill_between(x, *up, color=colour, alpha=opacity, linewidth=0)


def _bounds(line: pd.DataFrame, name: str, columns: Columns) -> tuple[Any, Any] | None:
    """The interval's ends in the drawn unit, if the points have any."""
    if f"{name}_low" not in line or f"{name}_high" not in line:
        return None
    low, high = (line[f"{name}_{end}"].to_numpy(float) * columns[name].scale for end in ("low", "high"))
    return low, high


def _logarithmic(axes: Axes, values: Sequence[float]) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if len(values) <= MOST_TICKS:
        axes.xaxis.set_major_locator(FixedLocator(values))
        axes.xaxis.set_minor_locator(NullLocator())


def _legend(drawn: Figure, axes: Sequence[Axes], styles: Mapping[str, object]) -> None:
    """Once for the figure, below it, in as many columns as its width holds."""
    handles = {label: handle for one in axes for handle, label in zip(*one.get_legend_handles_labels(), strict=True)}
    names = [name for name in styles if name in handles]
    if not names:
        return
    # A handle with its gaps is about half an inch wide.
    fitting = int(drawn.get_figwidth() / (LETTER * max(map(len, names)) + 0.5))
    drawn.legend(
        [handles[name] for name in names],
        names,
        loc="outside lower center",
        ncols=max(1, min(len(names), fitting)),
        frameon=False,
        handlelength=2.8,
    )
