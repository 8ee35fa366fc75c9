"""Estimates with 95 % intervals over the factors of variation of their observations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

import numpy as np
from scipy import stats

from sanguinaria.statistics.observations import Observations
from sanguinaria.statistics.variance import Variance, mean_variance

CONFIDENCE = 0.95

Interval = tuple[float, float]
NO_INTERVAL: Interval = (float("nan"), float("nan"))


@dataclass(frozen=True)
class Estimate:
    """A mean and the ends of its interval; NaN where there is no observation.

    Attributes:
        covers: the factors of variation that the interval is over, each with the number of its groups.
        not_moved: the factors that apply but had one seed, whose variance no interval includes.
        repeated: whether any of the factors of the runs was moved, or none applies.
    """

    value: float
    low: float
    high: float
    covers: Mapping[str, int] = field(default_factory=dict)
    not_moved: tuple[str, ...] = ()
    repeated: bool = True


NO_ESTIMATE = Estimate(float("nan"), *NO_INTERVAL)


def estimate_rate(observations: Observations) -> Estimate:
    """Estimate a rate in [0, 1] from hits and misses, or from shares.

    The interval is that of Korn and Graubard (1998), "Confidence intervals for proportions with small expected number
    of positive counts estimated from survey data": Clopper and Pearson's, of the number of independent trials that
    would have the variance of :func:`~sanguinaria.statistics.variance.mean_variance`, times (z / t)² for its degrees of
    freedom. Where all values are 0, or all 1, their variance is 0, and the trials are the utterances.

    Args:
        observations: hits and misses as 1 and 0, or shares.
    """
    mean = observations.mean
    if np.isnan(mean):
        return NO_ESTIMATE
    variance = mean_variance(observations)
    present = np.isfinite(observations.values)
    trials = effective_trials(mean, variance, unvaried=int(present.any(0).sum()), largest=int(present.sum()))
    return _estimate(observations, mean, clopper_pearson(mean, trials), variance)


def effective_trials(share: float, variance: Variance, *, unvaried: int, largest: float = inf) -> float:
    """Compute the number of independent trials of which a share has the same interval.

    Args:
        share: in [0, 1].
        variance: of the share.
        unvaried: the number where the share has no variance.
        largest: the number before the degrees of freedom are allowed for is at most this.
    """
    if not variance.value > 0 or not 0 < share < 1:
        return float(unvaried)
    normal = stats.norm.ppf((1 + CONFIDENCE) / 2)
    student = stats.t.ppf((1 + CONFIDENCE) / 2, variance.degrees)
    return float(min(share * (1 - share) / variance.value, largest) * (normal / student) ** 2)


def estimate_mean(observations: Observations) -> Estimate:
    """Estimate the mean of a quantity without bounds, with Student's interval over the factors of variation.

    >>> values = np.array([[1.0, 3.0]])
    >>> estimate = estimate_mean(Observations(values, ["a", "b"], [{}]))
    >>> estimate.value, round(estimate.high - estimate.value, 3)  # t of one degree of freedom: 12.706
    (2.0, 12.706)
    """
    mean = observations.mean
    if np.isnan(mean):
        return NO_ESTIMATE
    variance = mean_variance(observations)
    return _estimate(observations, mean, student_interval(mean, variance), variance)


def estimate_statistic(value: float, influences: Observations, trials: int | None = None) -> Estimate:
    """Estimate a function in [0, 1] of several means, by the variance of its linearisation (the delta method).

    Args:
        value: of the function.
        influences: of each observation, by how much the function would change if the mean were that observation's:
            Σ_k ∂f/∂mean_k · (observation_k − mean_k), plus any constant.
        trials: the number whose interval the function has where nothing varies; the utterances where ``None``.

    Returns:
        An estimate in [0, 1], with Korn and Graubard's interval as of :func:`estimate_rate`.
    """
    if np.isnan(value) or np.isnan(influences.mean):
        return NO_ESTIMATE
    variance = mean_variance(influences)
    unvaried = trials or int(np.isfinite(influences.values).any(0).sum())
    share = min(max(value, 0.0), 1.0)
    equivalent = effective_trials(share, variance, unvaried=unvaried)
    return _estimate(influences, value, clopper_pearson(share, equivalent), variance)


def _estimate(observations: Observations, value: float, interval: Interval, variance: Variance) -> Estimate:
    return Estimate(value, *interval, variance.covers, observations.not_moved, observations.is_repeated)


def student_interval(mean: float, variance: Variance) -> Interval:
    """Return Student's interval of a mean with a variance; NaN ends where that could not be estimated."""
    if np.isnan(variance.value):
        return NO_INTERVAL
    margin = stats.t.ppf((1 + CONFIDENCE) / 2, variance.degrees) * np.sqrt(variance.value)
    return float(mean - margin), float(mean + margin)


def clopper_pearson(share: float, trials: float) -> Interval:
    """Compute Clopper and Pearson's interval (1934) of a share of so many trials, of which there may be fractions.

    >>> [round(end, 4) for end in clopper_pearson(81 / 263, 263)]
    [0.2527, 0.3676]
    """
    tail = (1 - CONFIDENCE) / 2
    successes, failures = share * trials, (1 - share) * trials
    low = 0.0 if share <= 0 else stats.beta.ppf(tail, successes, failures + 1)
    high = 1.0 if share >= 1 else stats.beta.ppf(1 - tail, successes + 1, failures)
    return float(low), float(high)
