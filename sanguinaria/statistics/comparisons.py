"""Paired comparisons: differences between two entries on the same utterances and in the same runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from sanguinaria.statistics.intervals import Estimate, estimate_mean
from sanguinaria.statistics.observations import Observations
from sanguinaria.statistics.variance import mean_variance


@dataclass(frozen=True)
class Difference:
    """The mean paired difference with its interval, and the p-value of no difference; NaN where it has no variance."""

    estimate: Estimate
    p_value: float


def paired_difference(first: Observations, second: Observations) -> Difference:
    """Estimate the mean of first − second on the utterances and in the runs that both have.

    A t test with the clustered variance of the differences. Differences that are all zero have the p-value 1.

    Args:
        first, second: observations, as :meth:`Observations.paired` matches them.
    """
    one, other = first.paired(second)
    differences = one.with_values(one.values - other.values)
    estimate = estimate_mean(differences)
    variance = mean_variance(differences)
    if np.isnan(variance.value):
        return Difference(estimate, float("nan"))
    if estimate.value == 0:
        return Difference(estimate, 1.0)
    if variance.value == 0:
        # Every utterance in every run differs by the same: no draw of them would differ otherwise.
        return Difference(estimate, 0.0)
    statistic = abs(estimate.value) / np.sqrt(variance.value)
    return Difference(estimate, float(2 * stats.t.sf(statistic, variance.degrees)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values of several tests so that the chance of any false rejection is bounded (Holm, 1979).

    The k-th smallest of m is multiplied by m − k + 1, and is not smaller than the adjusted one before it. NaN stays NaN
    and counts as no test.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p_values, dtype=float)
    order = np.argsort(values)[: np.isfinite(values).sum()]
    factors = np.arange(len(order), 0, -1)
    adjusted = np.full(len(values), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return [round(float(value), 12) for value in adjusted]
