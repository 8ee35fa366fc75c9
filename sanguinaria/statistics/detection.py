"""Detection as statistics: a threshold for a rate of false positives, F1, and means with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, sqrt

import numpy as np
from scipy import stats

from sanguinaria.statistics import intervals
from sanguinaria.statistics.intervals import CONFIDENCE, NO_ESTIMATE, RESAMPLES, SEED, Estimate


def detection_threshold(clean: np.ndarray, false_positive_rate: float) -> float:
    """The score that a mark has to exceed, so that at most this share of clean utterances does.

    Args:
        clean: scores of utterances that are none of those the rates are measured on, (utterances,).
        false_positive_rate: in (0, 1). Of fewer than its inverse none may exceed it.
    """
    allowed = floor(false_positive_rate * len(clean) + 1e-9)
    return float(np.sort(clean)[::-1][allowed]) if len(clean) else float("nan")


def estimate_share(values: np.ndarray, speakers: Sequence[str]) -> Estimate:
    """The mean of shares in [0, 1] that were measured once per seed on the same utterances.

    As :func:`sanguinaria.statistics.intervals.estimate_rate` without Wilson's interval.

    Args:
        values: (seeds, utterances).
        speakers: of the utterances.
    """
    if values.size == 0:
        return NO_ESTIMATE
    means = values.mean(1)
    ends = [intervals.speaker_bootstrap(values.mean(0), speakers)]
    if len(means) > 1:
        margin = stats.t.ppf((1 + CONFIDENCE) / 2, len(means) - 1) * means.std(ddof=1) / sqrt(len(means))
        ends.append((means.mean() - margin, means.mean() + margin))
    lows, highs = zip(*ends, strict=True)
    return Estimate(float(means.mean()), max(0.0, float(min(lows))), min(1.0, float(max(highs))))


@dataclass(frozen=True)
class Detections:
    """Whether utterances were taken for marked, and whose they are: booleans (seeds, utterances), and speakers."""

    hits: np.ndarray
    speakers: Sequence[str]


def estimate_f1(marked: Detections, clean: Detections) -> Estimate:
    """F1 = 2·TP / (2·TP + FP + FN) of all seeds together, with a percentile bootstrap over whole speakers."""
    if marked.hits.size == 0 or clean.hits.size == 0:
        return NO_ESTIMATE
    names = sorted({*marked.speakers, *clean.speakers})
    true_positives, false_negatives = (_by_speaker(hits, marked, names) for hits in (marked.hits, ~marked.hits))
    counts = np.stack([true_positives, _by_speaker(clean.hits, clean, names), false_negatives])
    draws = np.random.default_rng(SEED).multinomial(len(names), np.full(len(names), 1 / len(names)), RESAMPLES)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(_f1(counts @ draws.T), (tail, 1 - tail))
    return Estimate(float(_f1(counts.sum(1))), float(low), float(high))


def _by_speaker(hits: np.ndarray, found: Detections, names: list[str]) -> np.ndarray:
    positions = np.searchsorted(names, np.asarray(found.speakers))
    return np.bincount(positions, weights=hits.sum(0), minlength=len(names))


def _f1(counts: np.ndarray) -> np.ndarray:
    """From true positives, false positives and false negatives, (3, …); 0 where nothing is found that is there."""
    true_positives, false_positives, false_negatives = counts
    both = 2 * true_positives + false_positives + false_negatives
    found: np.ndarray = np.divide(2 * true_positives, both, out=np.full(both.shape, np.nan), where=both > 0)
    return found
