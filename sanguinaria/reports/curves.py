"""The points of a figure, taken from the lines of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sanguinaria.core.atomic_files import atomic
from sanguinaria.core.errors import InputError
from sanguinaria.reports.figure_settings import Figure
from sanguinaria.reports.layout import read_table
from sanguinaria.reports.tables import NAMES


def write_figure(
    settings: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    tables: Sequence[Path],
    metrics: Sequence[Path],
    points: Path,
    svg: Path,
    png: Path,
) -> None:
    """Draw a figure, and write the points that it is drawn from.

    Args:
        settings: of the figure, as the configuration has them.
        rows: the tables' lines by their names, each with the numbers among its entries' settings.
        tables: the wide ones. A line that several have, but for the name of the experiment, is drawn once.
        metrics: the long ones of the same experiments, of which the intervals are.
        points: where the points go: ``panel, series, order, annotation`` and what the table has on them.
        svg: where the drawing goes.
        png: where the same drawing goes.

    Raises:
        InputError: a panel asks for a column that there is not, or nothing is left to draw.
    """
    from sanguinaria.reports.figures import draw

    figure = Figure.model_validate(settings)
    # The rows' own rates: those of the table are rounded.
    written = _with_intervals(pd.concat(map(read_table, tables)), pd.concat(map(read_table, metrics)))
    lines = written.drop(columns="rate").merge(pd.DataFrame(rows), on=list(NAMES))
    lines = lines.drop_duplicates([name for name in NAMES if name != "experiment"])
    if not any("heard" in selection for selection in _selections(figure)):
        lines = lines[lines["heard"] == lines["trigger"]]
    found = [_points(figure, number, lines) for number in range(len(figure.panels))]
    drawn = pd.concat(found)
    draw(drawn, figure.panels, svg, png)
    with atomic(points) as temporary:
        drawn.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def _with_intervals(lines: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """The wide table's lines with the interval of every metric, ``{column}_low`` and ``{column}_high``."""
    for end in ("low", "high"):
        found = metrics.pivot(index=list(NAMES), columns="metric", values=end).add_suffix(f"_{end}").reset_index()
        lines = lines[[name for name in lines if name in NAMES or name not in found]].merge(found, "left", list(NAMES))
    return lines


def _selections(figure: Figure) -> Iterator[Mapping[str, Any]]:
    yield from (panel.where for panel in figure.panels)
    yield from figure.series.values()


def _points(figure: Figure, number: int, lines: pd.DataFrame) -> pd.DataFrame:
    """The points of one panel."""
    panel = figure.panels[number]
    along = (panel.along or panel.x,) if isinstance(panel.along, str | None) else panel.along
    place = f"panels[{number}]"
    chosen = _chosen(lines, panel.where, place)
    series = figure.series or {name: {"trigger": name} for name in chosen["trigger"].unique()}
    _require([*panel.columns, *along], lines, place)
    names = not panel.along and not pd.api.types.is_numeric_dtype(lines[panel.x])
    for name in along:
        if not names and not pd.api.types.is_numeric_dtype(lines[name]):
            raise InputError(
                f"{place}: {name!r} does not hold numbers, so it orders no points; name a column that does"
            )
    found = [
        _chosen(chosen, selection, place).assign(panel=number + 1, series=name) for name, selection in series.items()
    ]
    points = pd.concat(found or [chosen])
    # Names stand in the table's order.
    order = pd.factorize(points[panel.x])[0] if names else points[list(along)].bfill(axis="columns").iloc[:, 0]
    points = points.assign(order=order)
    points = points.dropna(subset=[panel.x, panel.y, "order"])
    if points.empty:
        needed = dict.fromkeys([panel.x, panel.y, " or ".join(along)])
        raise InputError(f"{place}: none of the chosen lines of the table has all of {', '.join(needed)}")
    return points.assign(annotation=points["order"].map("{:g}".format) if panel.along else "")


def _chosen(lines: pd.DataFrame, selection: Mapping[str, Any], place: str) -> pd.DataFrame:
    _require(selection, lines, place)
    for column, values in selection.items():
        lines = lines[lines[column].isin(values if isinstance(values, list | tuple) else [values])]
    return lines


def _require(columns: Sequence[str] | Mapping[str, Any], lines: pd.DataFrame, place: str) -> None:
    for name in columns:
        if name not in lines:
            raise InputError(f"{place}: the table has no {name!r}; it has: {', '.join(lines.columns)}")
