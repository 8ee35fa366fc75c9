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
from sanguinaria.reports.figure_settings import Figure


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
            factors, each with the numbers among its entries' settings; and ``columns`` of the metrics.
        tables: the wide ones. A line that several have, but for the name of the experiment, is drawn once.
        metrics: the long ones of the same experiments, which have the intervals.
        points: destination of the points: ``panel, series, order, annotation`` and the columns of the table.
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
    drawn = pd.concat([_points(figure, number, lines) for number in range(len(figure.panels))])
    columns = Columns({**COLUMNS, **Columns.of_plain(specification["columns"])})
    draw(drawn, figure.panels, columns, svg=svg, png=png)
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


def _points(figure: Figure, number: int, lines: pd.DataFrame) -> pd.DataFrame:
    """The points of one panel."""
    panel = figure.panels[number]
    order_by = (panel.order_by or panel.x,) if isinstance(panel.order_by, str | None) else panel.order_by
    place = f"panels[{number}]"
    chosen = _chosen(lines, panel.where, place)
    series = figure.series or {name: {"trigger": name} for name in chosen["trigger"].unique()}
    _require([*panel.columns, *order_by], lines, place)
    names = not panel.order_by and not pd.api.types.is_numeric_dtype(lines[panel.x])
    for name in order_by:
        if not names and not pd.api.types.is_numeric_dtype(lines[name]):
            raise InputError(
                f"{place}: {name!r} does not hold numbers, so it orders no points; name a column that does"
            )
    series_points = [
        _chosen(chosen, selection, place).assign(panel=number + 1, series=name) for name, selection in series.items()
    ]
    points = pd.concat(series_points or [chosen])
    # Names stand in the table's order.
    order = pd.factorize(points[panel.x])[0] if names else points[list(order_by)].bfill(axis="columns").iloc[:, 0]
    points = points.assign(order=order)
    points = points.dropna(subset=[panel.x, panel.y, "order"])
    if points.empty:
        needed = dict.fromkeys([panel.x, panel.y, " or ".join(order_by)])
        raise InputError(f"{place}: none of the chosen lines of the table has all of {', '.join(needed)}")
    return points.assign(annotation=points["order"].map("{:g}".format) if panel.order_by else "")


def _chosen(lines: pd.DataFrame, selection: Mapping[str, Any], place: str) -> pd.DataFrame:
    _require(selection, lines, place)
    for column, values in selection.items():
        lines = lines[lines[column].isin(values if isinstance(values, list | tuple) else [values])]
    return lines


def _require(columns: Sequence[str] | Mapping[str, Any], lines: pd.DataFrame, place: str) -> None:
    for name in columns:
        if name not in lines:
            raise InputError(f"{place}: the table has no {name!r}; it has: {', '.join(lines.columns)}")
