"""The look of every line and bar of a figure: a colour for the series, a marker, line and hatch for the variant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sanguinaria.reports.drawing.colours import assign_colours

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "+++", "ooo", "---")


@dataclass(frozen=True)
class Look:
    """How one series, or one variant of a series, is drawn."""

    colour: str
    marker: str
    line: Any
    hatch: str


def choose_looks(points: pd.DataFrame, colours: Mapping[str, str]) -> dict[tuple[str, str], Look]:
    """Choose the look of every series and variant, the same in all panels.

    Markers and lines tell variants apart, or series where these have no variants; they repeat with different periods.

    Args:
        points: with ``series``, ``variant`` and, where there is one, ``trigger``.
        colours: by trigger.

    Returns:
        The looks by series and variant, in their order among the points, those of one series together.
    """
    of_series = _series_colours(points, colours)
    variants = [name for name in dict.fromkeys(points["variant"]) if name]
    kinds = variants or list(of_series)
    drawn = set(zip(points["series"], points["variant"], strict=True))
    return {
        (series, variant): _look(colour, kinds.index(variant or series) if variant or not variants else None, variant)
        for series, colour in of_series.items()
        for variant in ("", *variants)
        if (series, variant) in drawn
    }


def _look(colour: str, place: int | None, variant: str) -> Look:
    """The look of the variant, or else series, in a place; of ``None`` where others have variants and this has none."""
    if place is None:
        return Look(colour, marker=".", line="-", hatch="")
    hatch = HATCHES[place % len(HATCHES)] if variant else ""
    return Look(colour, MARKERS[place % len(MARKERS)], LINES[place % len(LINES)], hatch)


def _series_colours(points: pd.DataFrame, colours: Mapping[str, str]) -> dict[str, str]:
    """The colours of the series: those of their triggers, where these tell series apart."""
    names = list(dict.fromkeys(points["series"]))
    if "trigger" not in points:
        return assign_colours(names)
    triggers = {name: set(points.loc[points["series"] == name, "trigger"]) for name in names}
    several = len(set().union(*triggers.values()))
    each_has_own = sum(map(len, triggers.values())) == several
    each_has_one = several > 1 and all(len(own) == 1 for own in triggers.values())
    if not (each_has_own or each_has_one):
        return assign_colours(names)
    # The plain trigger among those of several strengths has the shortest name.
    plain = {name: min(own, key=lambda trigger: (len(trigger), trigger)) for name, own in triggers.items()}
    assigned = {**assign_colours(list(plain.values())), **colours}
    return {name: assigned[trigger] for name, trigger in plain.items()}
