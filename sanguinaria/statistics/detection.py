"""Detection statistics: thresholds at a false positive rate, bit error rates, shares and F1 with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from sanguinaria.statistics.intervals import (
    NO_ESTIMATE,
    RESAMPLES,
    SEED,
    Estimate,
    hull,
    percentile_interval,
    speaker_bootstrap,
    student_interval,
)


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


def estimate_share(values: np.ndarray, speakers: Sequence[str]) -> Estimate:
    """Estimate the mean of shares in [0, 1] that were measured once per seed on the same utterances.

    As :func:`sanguinaria.statistics.intervals.estimate_rate` without Wilson's interval, which is for hits and misses:
    the hull of a bootstrap over whole speakers and, for several seeds, Student's interval over their means.

    Args:
        values: (seeds, utterances).
        speakers: the speaker of each utterance.
    """
    if values.size == 0:
        return NO_ESTIMATE
    means = values.mean(1)
    return hull(float(means.mean()), [speaker_bootstrap(values.mean(0), speakers), *student_interval(means)])


@dataclass(frozen=True)
class Detections:
    """Detections of utterances by several seeds.

    Args:
        hits: whether an utterance was detected, booleans (seeds, utterances).
        speakers: the speaker of each utterance.
    """

    hits: np.ndarray
    speakers: Sequence[str]


def estimate_f1(marked: Detections, clean: Detections) -> Estimate:
    """Estimate F1 = 2·TP / (2·TP + FP + FN) over all seeds together, with a percentile bootstrap over speakers.

    Args:
        marked: detections of marked utterances: true positives, and false negatives.
        clean: detections of clean utterances: false positives.
    """
    if marked.hits.size == 0 or clean.hits.size == 0:
        return NO_ESTIMATE
    names = sorted({*marked.speakers, *clean.speakers})
    true_positives, false_negatives = (
        _count_by_speaker(hits, marked.speakers, names) for hits in (marked.hits, ~marked.hits)
    )
    counts = np.stack([true_positives, _count_by_speaker(clean.hits, clean.speakers, names), false_negatives])
    draws = np.random.default_rng(SEED).multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
    return Estimate(float(_f1(counts.sum(1))), *percentile_interval(_f1(counts @ draws.T)))


def _count_by_speaker(hits: np.ndarray, speakers: Sequence[str], names: list[str]) -> np.ndarray:
    """Hits of all seeds for each of the sorted names, (names,)."""
    positions = np.searchsorted(names, np.asarray(speakers))
    return np.bincount(positions, weights=hits.sum(0), minlength=len(names))


def _f1(counts: np.ndarray) -> np.ndarray:
    """F1 from true positives, false positives and false negatives, (3, …); NaN where all three are 0."""
    true_positives, false_positives, false_negatives = counts
    denominator = 2 * true_positives + false_positives + false_negatives
    undefined = np.full(denominator.shape, np.nan)
    scores: np.ndarray = np.divide(2 * true_positives, denominator, out=undefined, where=denominator > 0)
    return scores
