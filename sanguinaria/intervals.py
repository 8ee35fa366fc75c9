"""95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
# Resamples of a bootstrap, and its seed.
RESAMPLES = 2000
SEED = 0


@dataclass(frozen=True)
class Estimate:
    """A mean with the ends of its interval; not a number where there is nothing to estimate from."""

    value: float
    low: float
    high: float


NOTHING = Estimate(float("nan"), float("nan"), float("nan"))


def rate(successes: Sequence[int], trials: int) -> Estimate:
    """A rate measured once per seed on the same ``trials`` utterances.

    One seed has Wilson's interval: the utterances are a sample. Several seeds also vary among themselves, which
    Student's interval over their rates takes in; but three equal rates would then look certain. So the interval
    reaches as far as the wider of the two, at each end, and stays in [0, 1].

    Args:
        successes: for each seed.
        trials: utterances, the same for every seed.
    """
    if trials == 0 or not successes:
        return NOTHING
    rates = np.asarray(successes) / trials
    mean = float(rates.mean())
    low, high = wilson(mean, trials)
    if len(rates) > 1:
        margin = stats.t.ppf((1 + CONFIDENCE) / 2, len(rates) - 1) * rates.std(ddof=1) / np.sqrt(len(rates))
        low, high = min(low, mean - margin), max(high, mean + margin)
    return Estimate(mean, max(0.0, float(low)), min(1.0, float(high)))


def wilson(share: float, trials: int) -> tuple[float, float]:
    """Wilson's score interval (1927) of a share; scipy's takes whole successes only, and a mean over seeds has none."""
    z = stats.norm.ppf((1 + CONFIDENCE) / 2)
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    margin = z / (1 + z**2 / trials) * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return float(max(0.0, centre - margin)), float(min(1.0, centre + margin))


def mean(values: Sequence[float] | np.ndarray) -> Estimate:
    """The mean of one value per utterance, by a percentile bootstrap over the utterances."""
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) == 0:
        return NOTHING
    if len(sample) == 1 or np.ptp(sample) == 0:
        return Estimate(float(sample.mean()), float(sample.mean()), float(sample.mean()))
    found = stats.bootstrap(
        (sample,), np.mean, n_resamples=RESAMPLES, confidence_level=CONFIDENCE, method="percentile", rng=SEED, batch=100
    ).confidence_interval
    return Estimate(float(sample.mean()), float(found.low), float(found.high))
