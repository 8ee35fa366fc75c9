"""Verifications: scores of trials reduced to error rates and detection costs, and the quality of attacked audio.

A trial without a score with one seed is left out of the rates of all seeds; one whose attack failed counts with the
audio as it was, and is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sanguinaria.core.columns import Column, Columns
from sanguinaria.core.runs import Run
from sanguinaria.reports.cells import CellRows, Comparisons, Kind, Measured, Reduced, mean_quality, with_interval
from sanguinaria.reports.layout.grid import MODEL
from sanguinaria.reports.layout.parts import Listing, Parts
from sanguinaria.statistics.error_rates import (
    Metric,
    equal_error_rate,
    error_influences,
    estimate_error,
    minimum_detection_cost,
)
from sanguinaria.statistics.intervals import NO_ESTIMATE, Estimate

FACTORS = ("verification", "corpus", "victim", "attack", "defence")
RATES = {"equal_error_rate": equal_error_rate, "minimum_detection_cost": minimum_detection_cost}
# The columns that TDAP's composite index adds up (Eq. 10).
COMPOSED = ("stoi", "pesq", "si_sdr_db")
INDEX = "composite_quality"
COLUMNS = Columns(
    equal_error_rate=Column(
        heading="EER", label="equal error rate", better="lower", digits=2, percent=True, level=MODEL
    ),
    minimum_detection_cost=Column(heading="minDCF", label="minimum detection cost", better="lower", level=MODEL),
    composite_quality=Column(heading="CSQI", label="composite speech quality index", better="higher", level=MODEL),
)


def reduce(cell: CellRows, settings: Mapping[str, Any]) -> Reduced:
    """Reduce one encoder under one attack behind one defence.

    Args:
        cell: with rows ``scores`` of each seed, and ``attacks`` of those seeds in which audio is attacked.
        settings: none.

    Returns:
        Error rates with their intervals, quality and counts of trials, by column.
    """
    trials = cell.rows["scores"]
    unscored = sum(int((table["problem"] != "").sum()) for table in trials)
    scored = _scored_with_every_seed(trials)
    count = len(scored[0]) if scored else 0
    measured = {name: _error(rate, scored, cell.runs, unscored) for name, rate in RATES.items()}
    measured |= {column: mean_quality(seeds, cell.runs, "probe") for column, seeds in cell.quality.items()}
    index = composite_quality([measured.get(name) for name in COMPOSED], measured["equal_error_rate"])
    if index is not None:
        measured[INDEX] = index
    values: dict[str, object] = {"seeds": len(trials)}
    for name, value in measured.items():
        values |= with_interval(name, value.estimate) if name in RATES else {name: value.estimate.value}
    attacks = cell.rows.get("attacks", ())
    values |= {
        "scored_trials": count,
        "unscored_trials": unscored,
        "failed_attacks": sum(int((remarks["problem"] != "").sum()) for remarks in attacks),
    }
    return Reduced(values, measured)


def _error(rate: Metric, scored: Sequence[pd.DataFrame], runs: Sequence[Run], unscored: int) -> Measured:
    if not scored or not len(scored[0]):
        return Measured(NO_ESTIMATE, 0, unscored)
    influences = error_influences(rate, scored, runs)
    count = len(scored[0])
    return Measured(estimate_error(influences, count), count, unscored, influences)


def composite_quality(metrics: Sequence[Measured | None], error_rate: Measured) -> Measured | None:
    """Compute CSQI = Σ metricᵢ · (1 − EER), TDAP's Eq. 10.

    It adds a share, a grade and decibels, so SI-SDR outweighs the others. It has no interval of its own.

    Args:
        metrics: mean STOI, PESQ and SI-SDR in dB.
        error_rate: the equal error rate.

    Returns:
        The index; ``None`` where a metric is missing.
    """
    present = [metric for metric in metrics if metric is not None]
    if len(present) < len(COMPOSED):
        return None
    value = sum(metric.estimate.value for metric in present) * (1 - error_rate.estimate.value)
    return Measured(Estimate(value, float("nan"), float("nan")), min(metric.scored for metric in present))


def _scored_with_every_seed(tables: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """The trials that have a score with every seed."""
    scored = [set(table["trial"][table["problem"] == ""]) for table in tables]
    common = set.intersection(*scored) if scored else set()
    return [table[table["trial"].isin(common)].reset_index(drop=True) for table in tables]


LAYOUT = Parts(
    row=("corpus", "victim", "attack"),
    always=("attack",),
    across="defence",
    rates={
        "equal_error_rate": "Equal error rate (%)",
        "minimum_detection_cost": "Minimum detection cost",
        "unscored_trials": "Trials without a score",
        "failed_attacks": "Attacks that failed",
    },
    counts=("unscored_trials", "failed_attacks"),
    listings=(
        Listing(title="Quality after the attack {attack}", names=("corpus", "victim", "defence"), each="attack"),
    ),
    unshown=("verification", "seeds", "scored_trials"),
)
KIND = Kind(columns=COLUMNS, reduce=reduce, layout=LAYOUT, comparisons=Comparisons(factors=("defence",)))
