"""The rows of a cell, what they are reduced to, and what a kind of evaluation is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from sanguinaria.core.columns import Column, Columns
from sanguinaria.core.runs import GENERATOR, Run, distinct
from sanguinaria.reports.layout.grid import Grid
from sanguinaria.reports.layout.parts import Parts
from sanguinaria.statistics import intervals
from sanguinaria.statistics.intervals import NO_ESTIMATE, Estimate
from sanguinaria.statistics.observations import Observations


@dataclass(frozen=True)
class Measured:
    """A metric's estimate, and the number of rows that it is and could not be measured on.

    Attributes:
        observations: that it was estimated from, by which cells are compared in pairs; of a function of several means
            its influences; ``None`` where there are none.
    """

    estimate: Estimate
    scored: int
    unscored: int = 0
    observations: Observations | None = None


NOT_MEASURED = Measured(NO_ESTIMATE, 0)


@dataclass(frozen=True, kw_only=True)
class CellRows:
    """A cell of an evaluation's grid with its rows.

    Attributes:
        factors: the names of its entries, by factor.
        settings: numbers among the settings of these entries.
        runs: of each run its seeds by factor of variation.
        rows: by kind of rows, a table for each run, or, of audio that no model has changed, for each generator.
        quality: by the column of a metric, likewise.
    """

    factors: Mapping[str, str]
    settings: Mapping[str, Any]
    runs: Sequence[Run]
    rows: Mapping[str, Sequence[Any]]
    quality: Mapping[str, Sequence[pd.DataFrame]] = field(default_factory=dict)

    @property
    def generators(self) -> tuple[Run, ...]:
        """The runs of audio that no model has changed: one for each generator, or one without factors."""
        return distinct(self.runs, [GENERATOR])


@dataclass(frozen=True)
class Reduced:
    """A line of the wide table after its factors, and the metrics of the long one; both by column, in order."""

    values: Mapping[str, object]
    measured: Mapping[str, Measured]


def _unchanged(table: pd.DataFrame) -> pd.DataFrame:
    return table


@dataclass(frozen=True)
class Comparisons:
    """Which lines of a kind of table are compared.

    Attributes:
        factors: in which they differ; all others are the same.
        indifferent: by the level of a metric's column, the other factors that its values do not depend on: the quality
            of triggered audio is the same for every victim, and is compared once.
        is_candidate: whether a line takes part, by its factors.
    """

    factors: tuple[str, ...]
    indifferent: Mapping[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    is_candidate: Callable[[Mapping[str, str]], bool] = lambda _: True

    def group(self, factors: Mapping[str, str], column: Column) -> dict[str, str]:
        """The factors that all lines of a comparison share; without a name where the metric does not depend on it."""
        without = self.indifferent.get(column.level, ())
        return {
            factor: "" if factor in without else name for factor, name in factors.items() if factor not in self.factors
        }

    def names(self, factors: Mapping[str, str]) -> tuple[str, ...]:
        """A line's names by the compared factors."""
        return tuple(factors[factor] for factor in self.factors)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of evaluation.

    Attributes:
        columns: of what its reduction measures itself; metrics describe their own.
        reduce: from a cell's rows and the evaluation's settings to measured values; a pure function.
        layout: the arrangement of the wide table on a page.
        comparisons: which lines are compared in pairs.
        finish: adds columns of the wide table that depend on several cells.
    """

    columns: Columns
    reduce: Callable[[CellRows, Mapping[str, Any]], Reduced]
    layout: Grid | Parts
    comparisons: Comparisons
    finish: Callable[[pd.DataFrame], pd.DataFrame] = _unchanged


def with_interval(name: str, estimate: Estimate) -> dict[str, float]:
    """An estimate as three columns of the wide table.

    Where nothing random was repeated, such as one training of one model, the interval over test utterances alone would
    be mistaken for one over trainings: its ends are missing here, and in the long table only.
    """
    low, high = (estimate.low, estimate.high) if estimate.repeated else intervals.NO_INTERVAL
    return {name: estimate.value, f"{name}_low": low, f"{name}_high": high}


def observe(tables: Sequence[pd.DataFrame], runs: Sequence[Run], value: str, key: str = "utterance_id") -> Observations:
    """Return a column of tables with a row for each utterance as observations; all tables have the same utterances.

    Args:
        tables: of each run, with columns ``key``, ``speaker`` and ``value``, in the same order.
        runs: of each table its seeds by factor of variation.
        value: the column; a missing value is no observation.
        key: the column that identifies an utterance.
    """
    values = np.stack([table[value].to_numpy(float) for table in tables])
    return Observations(values, tables[0]["speaker"].tolist(), runs, tables[0][key].tolist())


def mean_quality(seeds: Sequence[pd.DataFrame], runs: Sequence[Run], key: str) -> Measured:
    """The mean of a metric of quality over utterances and runs.

    Args:
        seeds: of each run rows with ``key``, ``speaker`` and ``value``, which is missing where it is not defined.
        runs: of each of them its seeds by factor of variation.
        key: the column that identifies an utterance.

    Returns:
        The mean with its interval, and the numbers of utterances with a value and of rows without one.
    """
    observations = observe(seeds, runs, "value", key)
    scored = int(np.isfinite(observations.values).any(0).sum())
    unscored = int(np.isnan(observations.values).sum())
    return Measured(intervals.estimate_mean(observations), scored, unscored, observations)
