"""Detection statistics: thresholds at a false positive rate, bit error rates, and F1 with its interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import floor

import numpy as np

from sanguinaria.statistics.intervals import NO_ESTIMATE, Estimate, estimate_statistic
from sanguinaria.statistics.observations import Observations


def detection_threshold(clean: np.ndarray, false_positive_rate: float) -> float:
    """Return the lowest threshold that at most this share of clean utterances exceeds.

    >>> detection_threshold(np.array([0.1, 0.4, 0.2, 0.3]), 0.25)
    0.3

    Args:
        clean: scores of clean utterances, (utterances,), which are not among those that rates are measured on.
        false_positive_rate: in (0, 1). None of fewer than 1 / false_positive_rate utterances may exceed the threshold.

    Returns:
        The threshold; NaN without utterances.
    """
    allowed = floor(false_positive_rate * len(clean) + 1e-9)
    return float(np.sort(clean)[::-1][allowed]) if len(clean) else float("nan")


def bit_error_rates(messages: Iterable[str], decoded: Iterable[str]) -> np.ndarray:
    """Compute the bit error rate of each decoded message.

    >>> bit_error_rates(["0110", "01", ""], ["1110", "01", ""])
    array([0.25, 0.  ,  nan])

    Args:
        messages: the embedded messages, as text of 0 and 1.
        decoded: the decoded messages, likewise.

    Returns:
        (messages,), float64; NaN for a message without bits.

    Raises:
        ValueError: a decoded message has another length than the embedded one.
    """
    return np.array(
        [
            sum(a != b for a, b in zip(message, bits, strict=True)) / len(message) if message else float("nan")
            for message, bits in zip(messages, decoded, strict=True)
        ],
        dtype=np.float64,
    )


def estimate_f1(marked: Observations, clean: Observations) -> Estimate:
    """Estimate F1 = 2·TP / (2·TP + FP + FN) over all runs together.

    With the detection rate a of M marked and the false-positive rate b of C clean utterances, it is
    2a / (1 + a + b·C / M). Its interval follows from the two derivatives
    (:func:`~sanguinaria.statistics.intervals.estimate_statistic`); an utterance that is in both counts with both.

    Args:
        marked: detections of marked utterances as 1 and 0: true positives, and false negatives.
        clean: detections of clean utterances, of the same runs: false positives.
    """
    if np.isnan(marked.mean) or np.isnan(clean.mean):
        return NO_ESTIMATE
    detection_rate, false_positive_rate = marked.mean, clean.mean
    counts = [int(np.isfinite(observations.values).sum()) for observations in (marked, clean)]
    ratio = counts[1] / counts[0]
    denominator = 1 + detection_rate + ratio * false_positive_rate
    slopes = 2 * (1 + ratio * false_positive_rate) / denominator**2, -2 * ratio * detection_rate / denominator**2
    influences = _joint([_weighted(slopes[0], counts, 0, marked), _weighted(slopes[1], counts, 1, clean)])
    return estimate_statistic(2 * detection_rate / denominator, influences)


def _weighted(slope: float, counts: Sequence[int], place: int, observations: Observations) -> Observations:
    """What each observation adds to the function, such that the mean over all of both samples is the sum's."""
    deviations = np.nan_to_num(observations.values - observations.mean)
    return observations.with_values(slope * deviations * sum(counts) / counts[place])


def _joint(samples: Sequence[Observations]) -> Observations:
    """The observations of several samples side by side: utterances of one name are of one speaker."""
    return Observations(
        np.concatenate([sample.values for sample in samples], axis=1),
        [speaker for sample in samples for speaker in sample.speakers],
        samples[0].runs,
    )
