"""Error rates of speaker verification: equal error rate, minimum detection cost, and their intervals.

A trial is accepted where its score is not below a threshold. A miss is a target trial that is rejected, a false alarm a
non-target trial that is accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from sanguinaria.core.runs import Run
from sanguinaria.statistics.intervals import Estimate, estimate_statistic
from sanguinaria.statistics.observations import Observations

# Of the minimum detection cost: the prior probability of a target trial, and the costs of a miss and a false alarm.
PRIOR, COST_OF_MISS, COST_OF_FALSE_ALARM = 0.01, 1.0, 1.0

Metric = Callable[[np.ndarray, np.ndarray], float]


class SortedTrials:
    """Trials sorted by score, so that error rates with other weights need no sorting.

    Args:
        scores: finite numbers, (trials,).
        targets: whether both utterances of a trial are of the same speaker, (trials,).
    """

    def __init__(self, scores: np.ndarray, targets: np.ndarray) -> None:
        self.order = np.argsort(scores, kind="stable")
        sorted_scores = scores[self.order]
        self.targets = targets[self.order].astype(bool)
        # Trials of equal scores are accepted together: a threshold lies after each run of equal scores.
        self.ends = np.append(np.flatnonzero(np.diff(sorted_scores)), len(sorted_scores) - 1)

    def rates(self, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Compute miss and false-alarm rates at all thresholds, from the one that accepts every trial upwards.

        Args:
            weights: the weight of each trial in the given order, (trials,); 1 where ``None``.

        Returns:
            Miss rates and false-alarm rates, each (thresholds,).
        """
        counts = np.ones(len(self.order)) if weights is None else weights[self.order]
        misses = np.cumsum(counts * self.targets)[self.ends]
        rejected = np.cumsum(counts * ~self.targets)[self.ends]
        with np.errstate(invalid="ignore"):
            return np.append(0.0, misses / misses[-1]), np.append(1.0, 1 - rejected / rejected[-1])


def equal_error_rate(misses: np.ndarray, false_alarms: np.ndarray) -> float:
    """Compute the equal error rate, by linear interpolation between the two thresholds where the rates cross.

    >>> equal_error_rate(np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.5, 0.0]))
    0.3333333333333333

    Args:
        misses: miss rates at all thresholds, (thresholds,).
        false_alarms: false-alarm rates, likewise.

    Returns:
        The rate; NaN where there are trials of one kind only.
    """
    if np.isnan(misses).any() or np.isnan(false_alarms).any():
        return float("nan")
    after = int(np.argmax(misses >= false_alarms))
    before = after - 1
    gap_before = false_alarms[before] - misses[before]
    gap_after = misses[after] - false_alarms[after]
    share = gap_before / (gap_before + gap_after)
    return float(misses[before] + share * (misses[after] - misses[before]))


def minimum_detection_cost(misses: np.ndarray, false_alarms: np.ndarray) -> float:
    """Compute the minimum normalised detection cost (NIST SRE 2016 evaluation plan, section 3.1).

    The cost of a threshold is C_miss·p·P_miss + C_fa·(1 − p)·P_fa, with p = 0.01 and costs of 1. It is normalised by
    the cost of the better of two trivial systems, one that accepts every trial and one that rejects every trial.

    Args:
        misses: miss rates at all thresholds, (thresholds,).
        false_alarms: false-alarm rates, likewise.
    """
    costs = COST_OF_MISS * PRIOR * misses + COST_OF_FALSE_ALARM * (1 - PRIOR) * false_alarms
    return float(costs.min() / min(COST_OF_MISS * PRIOR, COST_OF_FALSE_ALARM * (1 - PRIOR)))


def error_influences(metric: Metric, tables: Sequence[pd.DataFrame], runs: Sequence[Run]) -> Observations:
    """Compute the pseudo-values of a metric for each speaker and run: the jackknife over speakers.

    With S speakers, the metric θ of all trials and θ₋ₛ of those without any utterance of speaker s, the pseudo-value is
    S·θ − (S − 1)·θ₋ₛ, shifted such that their mean is θ (Efron and Tibshirani, 1993, chapter 11). A speaker's trials
    are left out together, as the vertex bootstrap of Snijders and Borgatti (1999) resamples them together.

    Args:
        metric: a function of miss and false-alarm rates.
        tables: the trials of each run, in the same order: columns ``target, enrolment_speaker, test_speaker, score``.
        runs: of each table its seeds by factor of variation.

    Returns:
        Values (runs, speakers); NaN for a speaker without whom there are trials of one kind only.
    """
    if not tables or not len(tables[0]):
        return Observations(np.zeros((len(runs), 0)), [], runs)
    pairs = tables[0][["enrolment_speaker", "test_speaker"]].to_numpy()
    speakers, positions = np.unique(pairs.ravel().astype(str), return_inverse=True)
    sides = positions.reshape(-1, 2)
    values = np.array([_pseudo_values(metric, table, sides, len(speakers)) for table in tables])
    return Observations(values, speakers.tolist(), runs, speakers.tolist())


def _pseudo_values(metric: Metric, trials: pd.DataFrame, sides: np.ndarray, speakers: int) -> np.ndarray:
    """The shifted pseudo-values of one run, (speakers,)."""
    ordered = SortedTrials(trials["score"].to_numpy(), trials["target"].to_numpy())
    whole = metric(*ordered.rates())
    without = np.array([metric(*ordered.rates((sides != speaker).all(1).astype(float))) for speaker in range(speakers)])
    pseudo = speakers * whole - (speakers - 1) * without
    shifted: np.ndarray = pseudo - np.nanmean(pseudo) + whole if np.isfinite(pseudo).any() else np.full(speakers, whole)
    return shifted


def estimate_error(influences: Observations, trials: int) -> Estimate:
    """Estimate a metric from its pseudo-values, as :func:`~sanguinaria.statistics.intervals.estimate_statistic` does.

    Args:
        influences: of :func:`error_influences`.
        trials: their number: where nothing varies, as no trial was decided wrongly, the interval is that of so many.
    """
    return estimate_statistic(influences.mean, influences, trials)
