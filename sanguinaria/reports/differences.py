"""Paired differences between the lines of a table: each against the best one, on the same utterances and runs.

Of every metric that has a better end, lines that differ in the compared factors alone are a group, such as the triggers
for one corpus, victim and defence. Holm's correction is over all comparisons of a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sanguinaria.core.columns import Column, Columns
from sanguinaria.reports.cells import Comparisons, Measured
from sanguinaria.statistics.comparisons import holm, paired_difference

BEST = "best_"
MEASURED = ("difference", "low", "high", "p_value")


@dataclass(frozen=True)
class Line:
    """A line of a table: its names by factor, and its metrics by column."""

    factors: Mapping[str, str]
    measured: Mapping[str, Measured]


def differences(lines: Sequence[Line], columns: Columns, comparisons: Comparisons) -> pd.DataFrame:
    """Return a row for each comparison of a line with the best of its group.

    Args:
        lines: of the table.
        columns: of its metrics.
        comparisons: which are made.

    Returns:
        Factors of the group, ``metric``, the compared factors of the line, the same of the best one with the prefix
        ``best_``, the mean ``difference`` to the best with its 95 % interval ``low, high``, its ``p_value``, and
        ``p_holm``, that after Holm's correction.
    """
    metrics = dict.fromkeys(metric for line in lines for metric in line.measured)
    rows = [
        row
        for metric in metrics
        if metric in columns and columns[metric].better is not None
        for group in _groups(lines, metric, columns[metric], comparisons)
        for row in _against_best(group, metric, columns[metric], comparisons)
    ]
    shared = [factor for factor in (lines[0].factors if lines else ()) if factor not in comparisons.factors]
    names = [*comparisons.factors, *(f"{BEST}{factor}" for factor in comparisons.factors)]
    table = pd.DataFrame(rows, columns=[*shared, "metric", *names, *MEASURED])
    return table.assign(p_holm=holm(table["p_value"].tolist()))


def _groups(lines: Sequence[Line], metric: str, column: Column, comparisons: Comparisons) -> Iterator[list[Line]]:
    """The lines of each group, each of the compared names once."""
    groups: dict[tuple[str, ...], dict[tuple[str, ...], Line]] = {}
    for line in lines:
        measured = line.measured.get(metric)
        if measured is not None and measured.observations is not None and comparisons.is_candidate(line.factors):
            group = tuple(comparisons.group(line.factors, column).values())
            groups.setdefault(group, {}).setdefault(comparisons.names(line.factors), line)
    for group_lines in groups.values():
        yield list(group_lines.values())


def _against_best(
    lines: Sequence[Line], metric: str, column: Column, comparisons: Comparisons
) -> Iterator[dict[str, Any]]:
    sign = 1 if column.better == "higher" else -1
    # Of equal means the first is the best.
    best = max(lines, key=lambda line: sign * line.measured[metric].estimate.value)
    for line in lines:
        if line is best:
            continue
        observations, reference = (other.measured[metric].observations for other in (line, best))
        assert observations is not None and reference is not None
        difference = paired_difference(observations, reference)
        names = zip(comparisons.factors, comparisons.names(best.factors), strict=True)
        yield {
            **comparisons.group(line.factors, column),
            "metric": metric,
            **dict(zip(comparisons.factors, comparisons.names(line.factors), strict=True)),
            **{f"{BEST}{factor}": name for factor, name in names},
            "difference": difference.estimate.value,
            "low": difference.estimate.low,
            "high": difference.estimate.high,
            "p_value": difference.p_value,
        }
