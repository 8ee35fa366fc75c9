"""The legend of a figure: its series and variants, and what numbers, dashes and intervals mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Annotation

from sanguinaria.core.columns import Columns
from sanguinaria.reports.drawing.looks import Look
from sanguinaria.reports.drawing.maps import MISSING

# The width of a letter of 8 points, and of a handle with its gaps, in inches.
LETTER, HANDLE = 0.07, 0.5
# Of the notes, in points and inches; and the height of a line.
NOTE_SIZE, NOTE_LETTER, LINE = 7, 0.06, 0.17
# Of a variant, which is drawn in the colours of several series.
NEUTRAL = "0.35"


def draw_legend(
    drawn: Figure,
    axes: Sequence[Axes],
    points: pd.DataFrame,
    looks: Mapping[tuple[str, str], Look],
    columns: Columns,
) -> None:
    """Draw one legend for the figure, below it, in as many columns as its width holds, with its notes above.

    Args:
        drawn: the figure.
        axes: of its panels, drawn already.
        points, columns: as in :func:`sanguinaria.reports.figures.figure`.
        looks: by series and variant.
    """
    handles = _handles(axes, looks)
    notes = fill("; ".join(_notes(axes, points, columns)), int(drawn.get_figwidth() / NOTE_LETTER))
    if not handles:
        if notes:
            drawn.supxlabel(notes, fontsize=NOTE_SIZE)
        return
    fitting = int(drawn.get_figwidth() / (LETTER * max(map(len, handles)) + HANDLE))
    columns_of_names = max(1, min(len(handles), fitting))
    more = -(-len(handles) // columns_of_names) - 1 + len(notes.splitlines())
    drawn.set_figheight(drawn.get_figheight() + LINE * more)
    drawn.legend(
        list(handles.values()),
        list(handles),
        loc="outside lower center",
        ncols=columns_of_names,
        frameon=False,
        handlelength=2.8,
        title=notes or None,
        title_fontsize=NOTE_SIZE,
    )


def _handles(axes: Sequence[Axes], looks: Mapping[tuple[str, str], Look]) -> dict[str, Any]:
    """A handle for each series in its colour and, where there are variants, for each of these in grey."""
    labelled = {label: handle for one in axes for handle, label in zip(*one.get_legend_handles_labels(), strict=True)}
    series = dict.fromkeys(name for name, _ in looks if name in labelled)
    variants = {variant: look for (_, variant), look in looks.items() if variant}
    if not variants:
        return {name: labelled[name] for name in series}
    colours = {name: look.colour for (name, _), look in looks.items()}
    if all(one.containers and not one.lines for one in axes):
        shapes: dict[str, Any] = {
            variant: Patch(facecolor=NEUTRAL, edgecolor="white", hatch=look.hatch) for variant, look in variants.items()
        }
        return {name: Patch(color=colours[name]) for name in series} | shapes
    joined = any(line.get_linestyle() != "None" for one in axes for line in one.lines)
    lines = {
        variant: Line2D([], [], color=NEUTRAL, marker=look.marker, linestyle=look.line if joined else "none")
        for variant, look in variants.items()
    }
    return {name: Line2D([], [], color=colours[name], linewidth=3) for name in series} | lines


def _notes(axes: Sequence[Axes], points: pd.DataFrame, columns: Columns) -> Iterator[str]:
    if "order_by" in points and any(isinstance(text, Annotation) for one in axes for text in one.texts):
        named = points[(points["annotation"] != "") & (points["order_by"] != "")]
        series = {name: list(dict.fromkeys(own["series"])) for name, own in named.groupby("order_by", sort=False)}
        parts = [
            columns[name].axis + (f" ({', '.join(own)})" if len(series) > 1 else "") for name, own in series.items()
        ]
        if parts:
            yield f"beside the points: {', '.join(parts)}"
    if any(text.get_text() == MISSING for one in axes for text in one.texts):
        yield f"{MISSING}: no value"
    drawn = [collection for one in axes for collection in one.collections]
    kinds = {"bands": PolyCollection, "thin lines": LineCollection}
    if intervals := [name for name, kind in kinds.items() if any(isinstance(one, kind) for one in drawn)]:
        yield f"{' and '.join(intervals)}: 95 % intervals"
