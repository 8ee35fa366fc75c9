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


NO_ESTIMATE = Estimate(float("nan"), float("nan"), float("nan"))


def estimate_rate(hits: np.ndarray, speakers: Sequence[str]) -> Estimate:
    """A rate measured once per seed on the same utterances.

    The utterances are a sample, for which Wilson's interval stands; so are their speakers, who are resampled, as one
    speaker's utterances resemble one another; and several seeds vary among themselves, which Student's interval over
    their rates takes in. Each of the three alone looks certain somewhere: the interval reaches as far as the widest of
    them, at each end, and stays in [0, 1].

    Args:
        hits: (seeds, utterances) of 0 and 1.
        speakers: of the utterances.
    """
    if hits.size == 0:
        return NO_ESTIMATE
    rates = hits.mean(1)
    mean = float(rates.mean())
    ends = [wilson_interval(mean, hits.shape[1]), speaker_bootstrap(hits.mean(0), speakers)]
    if len(rates) > 1:
        margin = stats.t.ppf((1 + CONFIDENCE) / 2, len(rates) - 1) * rates.std(ddof=1) / np.sqrt(len(rates))
        ends.append((mean - margin, mean + margin))
    lows, highs = zip(*ends, strict=True)
    return Estimate(mean, max(0.0, float(min(lows))), min(1.0, float(max(highs))))


def speaker_bootstrap(values: np.ndarray, speakers: Sequence[str]) -> tuple[float, float]:
    """A percentile bootstrap of the mean of one value per utterance, (utterances,), over whole speakers."""
    _, positions = np.unique(np.asarray(speakers), return_inverse=True)
    counts = np.bincount(positions)
    sums = np.bincount(positions, weights=values)
    random = np.random.default_rng(SEED)
    means = np.empty(RESAMPLES)
    # One after another, as all at once are as many numbers as there are resamples times speakers.
    for resample in range(RESAMPLES):
        drawn = random.integers(len(counts), size=len(counts))
        means[resample] = sums[drawn].sum() / counts[drawn].sum()
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, (tail, 1 - tail))
    return float(low), float(high)


def wilson_interval(share: float, trials: int) -> tuple[float, float]:
    """Wilson's score interval (1927) of a share; scipy's takes whole successes only, and a mean over seeds has none."""
    z = stats.norm.ppf((1 + CONFIDENCE) / 2)
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    margin = z / (1 + z**2 / trials) * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return float(max(0.0, centre - margin)), float(min(1.0, centre + margin))


def estimate_mean(values: Sequence[float] | np.ndarray) -> Estimate:
    """The mean of one value per utterance, by a percentile bootstrap over the utterances."""
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) == 0:
        return NO_ESTIMATE
    if len(sample) == 1 or np.ptp(sample) == 0:
        return Estimate(float(sample.mean()), float(sample.mean()), float(sample.mean()))
    found = stats.bootstrap(
        (sample,), np.mean, n_resamples=RESAMPLES, confidence_level=CONFIDENCE, method="percentile", rng=SEED, batch=100
    ).confidence_interval
    return Estimate(float(sample.mean()), float(found.low), float(found.high))
