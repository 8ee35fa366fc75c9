"""The points of a figure, taken from the lines of tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sanguinaria.core.columns import Columns
from sanguinaria.core.errors import InputError
from sanguinaria.reports.evaluation import read_table, write_table
from sanguinaria.reports.experiments import COLUMNS, FACTORS
from sanguinaria.reports.figure_settings import Figure, FigurePanel
from sanguinaria.reports.variants import divided, dividing_columns


def write_figure(
    specification: Mapping[str, Any],
    tables: Sequence[Path],
    metrics: Sequence[Path],
    *,
    points: Path,
    svg: Path,
    png: Path,
) -> None:
    """Draw a figure, and write the points that it is drawn from.

    Args:
        specification: ``figure``, its settings as the configuration has them; ``lines``, the tables' lines by their
            factors, each with the numbers among its entries' settings; ``columns`` of the metrics; and ``colours`` of
            the triggers.
        tables: the wide ones. A line that several have, but for the name of the experiment, is drawn once.
        metrics: the long ones of the same experiments, which have the intervals.
        points: destination of the points: ``panel, series, variant, order, order_by, annotation`` and the columns of
            the table. A series in which points of several defences, victims, … would be joined has a variant for each.
        svg, png: destinations of the drawing.

    Raises:
        InputError: a panel names a column that is absent, or nothing is left to draw.
    """
    from sanguinaria.reports.figures import draw

    figure = Figure.model_validate(specification["figure"])
    # The rates of the settings: those of the table are rounded.
    measured = _with_intervals(pd.concat(map(read_table, tables)), pd.concat(map(read_table, metrics)))
    lines = measured.drop(columns="rate").merge(pd.DataFrame(specification["lines"]), on=list(FACTORS))
    lines = lines.drop_duplicates([name for name in FACTORS if name != "experiment"])
    if not any("test_trigger" in selection for selection in _selections(figure)):
        lines = lines[lines["test_trigger"] == lines["trigger"]]
    columns = Columns({**COLUMNS, **Columns.of_plain(specification["columns"])})
    parts = [_points(figure, number, lines, columns) for number in range(len(figure.panels))]
    drawn = pd.concat(_divided(figure.panels, parts, columns))
    draw(drawn, figure.panels, columns, specification["colours"], svg=svg, png=png)
    write_table(drawn, points)


def _with_intervals(lines: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Join the wide table's lines with the interval of every metric, ``{column}_low`` and ``{column}_high``."""
    for end in ("low", "high"):
        ends = metrics.pivot(index=list(FACTORS), columns="metric", values=end).add_suffix(f"_{end}").reset_index()
        kept = [name for name in lines if name in FACTORS or name not in ends]
        lines = lines[kept].merge(ends, "left", list(FACTORS))
    return lines


def _selections(figure: Figure) -> Iterator[Mapping[str, Any]]:
    yield from (panel.where for panel in figure.panels)
    yield from figure.series.values()


def _points(figure: Figure, number: int, lines: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The points of one panel."""
    panel = figure.panels[number]
    place = f"panels[{number}]"
    chosen = _chosen(lines, panel.where, place)
    series = figure.series or {name: {"trigger": name} for name in chosen["trigger"].unique()}
    order_by = panel.order_by_columns or (panel.x,)
    _require([*panel.columns, *order_by], lines, place)
    series_points = [
        _chosen(chosen, selection, place).assign(panel=number + 1, series=name) for name, selection in series.items()
    ]
    points = _ordered(pd.concat(series_points or [chosen]), panel, columns, place)
    has_bars = _has_names(panel, lines)
    # A dash marks the place of a bar without a value.
    shown = points.dropna(subset=[panel.x, *(() if has_bars else (panel.y,))])
    if panel.order_by is not None:
        shown = shown.dropna(subset="order")
    if shown[panel.y].isna().all():
        needed = dict.fromkeys([panel.x, panel.y, " or ".join(order_by)])
        raise InputError(f"{place}: none of the chosen lines of the table has all of {', '.join(needed)}")
    return shown


def _has_names(panel: FigurePanel, lines: pd.DataFrame) -> bool:
    return not panel.order_by and not pd.api.types.is_numeric_dtype(lines[panel.x])


def _ordered(points: pd.DataFrame, panel: FigurePanel, columns: Columns, place: str) -> pd.DataFrame:
    """The points with their ``order`` along a line, the column ``order_by`` that it is from, and ``annotation``.

    Where the horizontal axis is measured and nothing orders the points, no line joins them: their order is missing.
    """
    if _has_names(panel, points):  # in the table's order
        return points.assign(order=pd.factorize(points[panel.x])[0], order_by="", annotation="")
    order_by = panel.order_by_columns or (panel.x,)
    for name in order_by:
        if not pd.api.types.is_numeric_dtype(points[name]):
            raise InputError(
                f"{place}: {name!r} does not hold numbers, so it orders no points; name a column that does"
            )
    orders = points[list(order_by)]
    if panel.order_by is None:
        is_measured = columns[panel.x].better is not None
        return points.assign(order=float("nan") if is_measured else orders[panel.x], order_by="", annotation="")
    first = orders.notna().to_numpy().argmax(axis=1)
    points = points.assign(order=orders.bfill(axis="columns").iloc[:, 0], order_by=[order_by[index] for index in first])
    pairs = zip(points["order"], points["order_by"], strict=True)
    return points.assign(annotation=[f"{order * columns[name].scale:g}".replace("-", "−") for order, name in pairs])


def _divided(panels: Sequence[FigurePanel], parts: Sequence[pd.DataFrame], columns: Columns) -> list[pd.DataFrame]:
    """The points of each panel with series and variants that are named alike in all of them."""
    needed = [_dividing(panel, points, columns) for panel, points in zip(panels, parts, strict=True)]
    every = list(dict.fromkeys(name for names in needed for name in names))
    named = []
    for points, own in zip(parts, needed, strict=True):
        by = [name for name in every if name in own or points[name].nunique(dropna=False) == 1]
        named.append(divided(points, by, columns))
    return named


def _dividing(panel: FigurePanel, points: pd.DataFrame, columns: Columns) -> list[str]:
    if panel.rows is not None:  # a map has no series
        return []
    orders_line = panel.order_by is not None or columns[panel.x].better is None
    at = [name for name in ("order",) if orders_line]
    return dividing_columns(points, at, panel.y, [panel.x, *panel.order_by_columns])


def _chosen(lines: pd.DataFrame, selection: Mapping[str, Any], place: str) -> pd.DataFrame:
    _require(selection, lines, place)
    for column, values in selection.items():
        lines = lines[lines[column].isin(values if isinstance(values, list | tuple) else [values])]
    return lines


def _require(columns: Sequence[str] | Mapping[str, Any], lines: pd.DataFrame, place: str) -> None:
    for name in columns:
        if name not in lines:
            raise InputError(f"{place}: the table has no {name!r}; it has: {', '.join(lines.columns)}")
