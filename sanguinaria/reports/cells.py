"""The rows of a cell, what they are reduced to, and what a kind of evaluation is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from sanguinaria.core.columns import Columns
from sanguinaria.reports.layout.grid import Grid
from sanguinaria.reports.layout.parts import Parts
from sanguinaria.statistics import intervals
from sanguinaria.statistics.intervals import NO_ESTIMATE, Estimate


@dataclass(frozen=True)
class Measured:
    """A metric's estimate, and the number of rows that it is and could not be measured on."""

    estimate: Estimate
    scored: int
    unscored: int = 0


NOT_MEASURED = Measured(NO_ESTIMATE, 0)


@dataclass(frozen=True, kw_only=True)
class CellRows:
    """A cell of an evaluation's grid with its rows.

    Attributes:
        factors: the names of its entries, by factor.
        settings: numbers among the settings of these entries.
        rows: by kind of rows, a table for each seed, or one that all seeds share.
        quality: by the column of a metric, likewise.
    """

    factors: Mapping[str, str]
    settings: Mapping[str, Any]
    rows: Mapping[str, Sequence[Any]]
    quality: Mapping[str, Sequence[pd.DataFrame]] = field(default_factory=dict)


@dataclass(frozen=True)
class Reduced:
    """A line of the wide table after its factors, and the metrics of the long one; both by column, in order."""

    values: Mapping[str, object]
    measured: Mapping[str, Measured]


def _unchanged(table: pd.DataFrame) -> pd.DataFrame:
    return table


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of evaluation.

    Attributes:
        columns: of what its reduction measures itself; metrics describe their own.
        reduce: from a cell's rows and the evaluation's settings to measured values; a pure function.
        layout: the arrangement of the wide table on a page.
        finish: adds columns of the wide table that depend on several cells.
    """

    columns: Columns
    reduce: Callable[[CellRows, Mapping[str, Any]], Reduced]
    layout: Grid | Parts
    finish: Callable[[pd.DataFrame], pd.DataFrame] = _unchanged


def with_interval(name: str, estimate: Estimate) -> dict[str, float]:
    """An estimate as three columns of the wide table."""
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def mean_quality(seeds: Sequence[pd.DataFrame], key: str) -> Measured:
    """The mean of a metric of quality, of each utterance first over the seeds.

    Args:
        seeds: of each seed rows with ``key`` and ``value``, which is missing where the metric is not defined.
        key: the column that identifies an utterance.

    Returns:
        The mean over utterances with its interval, and the numbers of utterances with a value and of rows without one.
    """
    rows = pd.concat(seeds)
    values = rows.groupby(key)["value"].mean().dropna().to_numpy()
    return Measured(intervals.estimate_mean(values), len(values), int(rows["value"].isna().sum()))
