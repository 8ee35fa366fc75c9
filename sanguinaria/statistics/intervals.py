"""Estimates with 95 % intervals: Wilson's, Student's, and percentile bootstraps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
# Resamples of a bootstrap, and its seed.
RESAMPLES = 2000
SEED = 0

Interval = tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """A mean and the ends of its interval; NaN where there is no observation."""

    value: float
    low: float
    high: float


NO_ESTIMATE = Estimate(float("nan"), float("nan"), float("nan"))


def estimate_rate(hits: np.ndarray, speakers: Sequence[str]) -> Estimate:
    """Estimate a rate that was measured once per seed on the same utterances.

    There are three sources of variation: the sample of utterances (Wilson's interval), the sample of speakers, whose
    utterances are correlated (a bootstrap over speakers), and the seeds (Student's interval over their rates). Each of
    the three intervals alone is too narrow in some case, so the result is their hull (:func:`hull`).

    Args:
        hits: 0 or 1, (seeds, utterances).
        speakers: the speaker of each utterance.
    """
    if hits.size == 0:
        return NO_ESTIMATE
    rates = hits.mean(1)
    mean = float(rates.mean())
    intervals = [wilson_interval(mean, hits.shape[1]), speaker_bootstrap(hits.mean(0), speakers)]
    return hull(mean, [*intervals, *student_interval(rates)])


def estimate_mean(values: Sequence[float] | np.ndarray) -> Estimate:
    """Estimate the mean of one value per utterance, with a percentile bootstrap over the utterances.

    >>> estimate_mean([0.5, 0.5])
    Estimate(value=0.5, low=0.5, high=0.5)
    """
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) == 0:
        return NO_ESTIMATE
    if len(sample) == 1 or np.ptp(sample) == 0:
        return Estimate(float(sample.mean()), float(sample.mean()), float(sample.mean()))
    interval = stats.bootstrap(
        (sample,), np.mean, n_resamples=RESAMPLES, confidence_level=CONFIDENCE, method="percentile", rng=SEED, batch=100
    ).confidence_interval
    return Estimate(float(sample.mean()), float(interval.low), float(interval.high))


def hull(mean: float, intervals: Sequence[Interval]) -> Estimate:
    """Return a mean with the hull of several intervals, limited to [0, 1].

    >>> hull(0.5, [(0.4, 0.6), (-0.1, 0.55)])
    Estimate(value=0.5, low=0.0, high=0.6)
    """
    lows, highs = zip(*intervals, strict=True)
    return Estimate(mean, max(0.0, float(min(lows))), min(1.0, float(max(highs))))


def student_interval(values: np.ndarray) -> list[Interval]:
    """Compute Student's interval of the mean of one value per seed, (seeds,).

    >>> [[float(round(end, 3)) for end in interval] for interval in student_interval(np.array([0.0, 1.0]))]
    [[-5.853, 6.853]]

    Returns:
        A list of one interval; an empty list for one seed, which has no interval.
    """
    if len(values) < 2:
        return []
    mean = values.mean()
    margin = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return [(mean - margin, mean + margin)]


def speaker_bootstrap(values: np.ndarray, speakers: Sequence[str]) -> Interval:
    """Compute a percentile bootstrap of the mean of one value per utterance, over whole speakers.

    Args:
        values: (utterances,).
        speakers: the speaker of each utterance.
    """
    _, positions = np.unique(np.asarray(speakers), return_inverse=True)
    counts = np.bincount(positions)
    sums = np.bincount(positions, weights=values)
    random = np.random.default_rng(SEED)
    means = np.empty(RESAMPLES)
    # One resample at a time: all at once would take memory for resamples × speakers numbers.
    for resample in range(RESAMPLES):
        drawn = random.integers(len(counts), size=len(counts))
        means[resample] = sums[drawn].sum() / counts[drawn].sum()
    return percentile_interval(means)


def percentile_interval(resampled: np.ndarray) -> Interval:
    """Return the percentile interval of a resampled statistic (resamples,); NaN resamples are left out."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(resampled, (tail, 1 - tail))
    return float(low), float(high)


def wilson_interval(share: float, trials: int) -> Interval:
    """Compute Wilson's score interval (1927) of a share of so many trials.

    The share may be a mean over seeds, with no whole number of successes, which scipy's function needs.

    >>> [round(end, 4) for end in wilson_interval(81 / 263, 263)]
    [0.2553, 0.3662]
    """
    z = stats.norm.ppf((1 + CONFIDENCE) / 2)
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    margin = z / (1 + z**2 / trials) * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return float(max(0.0, centre - margin)), float(min(1.0, centre + margin))
