"""How well scores tell target trials from others: equal error rate, detection cost, and their intervals.

A trial is accepted where its score is not below a threshold. A miss is a target trial that is not, a false alarm
another trial that is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from sanguinaria.statistics.intervals import CONFIDENCE, NO_ESTIMATE, RESAMPLES, SEED, Estimate

# Of the minimum detection cost: the prior probability of a target trial, and the costs of a miss and a false alarm.
PRIOR, COST_OF_MISS, COST_OF_FALSE_ALARM = 0.01, 1.0, 1.0

Metric = Callable[[np.ndarray, np.ndarray], float]


class SortedTrials:
    """Trials in the order of their scores, so that rates with other weights need no sorting."""

    def __init__(self, scores: np.ndarray, targets: np.ndarray) -> None:
        """``scores`` (trials,), numbers; ``targets`` (trials,), whether a trial is of one speaker."""
        self.order = np.argsort(scores, kind="stable")
        ranked = scores[self.order]
        self.targets = targets[self.order].astype(bool)
        # Trials of one score are accepted together: a threshold lies after each run of equal scores.
        self.ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)

    def rates(self, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Miss and false-alarm rates at all thresholds, from the one that accepts everything on.

        Args:
            weights: how often each trial counts (trials,), in the order in which they were given; once where ``None``.
        """
        counts = np.ones(len(self.order)) if weights is None else weights[self.order]
        misses = np.cumsum(counts * self.targets)[self.ends]
        rejected = np.cumsum(counts * ~self.targets)[self.ends]
        with np.errstate(invalid="ignore"):
            return np.append(0.0, misses / misses[-1]), np.append(1.0, 1 - rejected / rejected[-1])


def equal_error_rate(misses: np.ndarray, false_alarms: np.ndarray) -> float:
    """The rate at which both errors are the same, on the straight line between the two thresholds where the one
    becomes the greater; not a number where there are trials of one kind only."""
    if np.isnan(misses).any() or np.isnan(false_alarms).any():
        return float("nan")
    after = int(np.argmax(misses >= false_alarms))
    before = after - 1
    gap_before = false_alarms[before] - misses[before]
    gap_after = misses[after] - false_alarms[after]
    share = gap_before / (gap_before + gap_after)
    return float(misses[before] + share * (misses[after] - misses[before]))


def minimum_detection_cost(misses: np.ndarray, false_alarms: np.ndarray) -> float:
    """The lowest cost of a threshold, C_miss·p·P_miss + C_fa·(1 − p)·P_fa, as a share of the cost of the better of
    accepting everything and nothing (NIST SRE 2016 evaluation plan, section 3.1), with p = 0.01 and costs of 1."""
    costs = COST_OF_MISS * PRIOR * misses + COST_OF_FALSE_ALARM * (1 - PRIOR) * false_alarms
    return float(costs.min() / min(COST_OF_MISS * PRIOR, COST_OF_FALSE_ALARM * (1 - PRIOR)))


def estimate_error(metric: Metric, tables: Sequence[pd.DataFrame]) -> Estimate:
    """A metric of the same trials' scores by several trainings: the mean over them, and its interval.

    Speakers are resampled, and a trial counts as often as its speakers were drawn: a target trial as often as its
    speaker, another one as often as both, multiplied (the vertex bootstrap of Snijders and Borgatti, 1999).
    Student's interval over the trainings takes in how those vary; the interval reaches as far as the wider of the two
    at each end.

    Args:
        metric: of miss and false-alarm rates.
        tables: of each training the trials, in one order: columns ``target, enrolment_speaker, test_speaker, score``.
    """
    if not tables or not len(tables[0]):
        return NO_ESTIMATE
    trials = tables[0]
    ordered = [SortedTrials(table["score"].to_numpy(), table["target"].to_numpy()) for table in tables]
    values = np.array([metric(*found.rates()) for found in ordered])
    if np.isnan(values).any():
        return NO_ESTIMATE
    ends = [_by_speaker(metric, ordered, trials)]
    if len(values) > 1:
        margin = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
        ends.append((values.mean() - margin, values.mean() + margin))
    lows, highs = zip(*ends, strict=True)
    return Estimate(float(values.mean()), max(0.0, float(min(lows))), min(1.0, float(max(highs))))


def _by_speaker(metric: Metric, ordered: Sequence[SortedTrials], trials: pd.DataFrame) -> tuple[float, float]:
    """The percentile bootstrap of the mean over trainings."""
    sides = trials[["enrolment_speaker", "test_speaker"]].to_numpy()
    speakers, positions = np.unique(sides.ravel(), return_inverse=True)
    one, two = positions.reshape(-1, 2).T
    targets = trials["target"].to_numpy().astype(bool)
    random = np.random.default_rng(SEED)
    found = np.empty(RESAMPLES)
    for resample in range(RESAMPLES):
        drawn = np.bincount(random.integers(len(speakers), size=len(speakers)), minlength=len(speakers))
        weights = np.where(targets, drawn[one], drawn[one] * drawn[two]).astype(float)
        found[resample] = np.mean([metric(*trial_scores.rates(weights)) for trial_scores in ordered])
    # Of few speakers a resample may have no trial of one kind.
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(found, (tail, 1 - tail))
    return float(low), float(high)
