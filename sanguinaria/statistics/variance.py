"""The variance of a mean of observations that share factors of variation: multiway clustering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from sanguinaria.statistics.observations import Observations


@dataclass(frozen=True)
class Variance:
    """The variance of a mean, and its degrees of freedom.

    Attributes:
        value: NaN where no factor was moved.
        degrees: of freedom, for Student's t.
        covers: the factors that it includes, each with the number of its groups.
    """

    value: float
    degrees: float
    covers: Mapping[str, int]


def mean_variance(observations: Observations) -> Variance:
    """Compute the variance of the mean of all values over its factors of variation.

    Cameron, Gelbach and Miller (2011), "Robust inference with multiway clustering", Eq. 2.11: with the sum s_c of the
    deviations of each group c of a factor, or of each combination of several factors' groups, a term
    G / (G − 1) · Σ_c s_c² / N²; the variance is the sum of the terms of single factors, minus those of pairs, plus
    those of triples, and so on. It is never less than the largest term of a single factor, which the difference of
    noisy terms may be. The degrees of freedom are Satterthwaite's (1946), and never fewer than those of the factor with
    the fewest groups.

    >>> values = np.array([[1.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0]])
    >>> single = Observations(values[:1], ["a", "b", "c", "d"], [{"training": 0}])
    >>> round(mean_variance(single).value, 4), mean_variance(single).degrees  # 0.25² + … = s² / n
    (0.0625, 3.0)
    """
    present = np.isfinite(observations.values)
    clusters = observations.clusters
    if not present.any() or not clusters:
        return Variance(float("nan"), float("nan"), {})
    deviations = np.where(present, observations.values - observations.mean, 0.0)
    groups = {
        factor: np.broadcast_to(numbers, present.shape)[present]
        for factor, numbers in clusters.items()
        if len(np.unique(np.broadcast_to(numbers, present.shape)[present])) > 1
    }
    if not groups:
        return Variance(float("nan"), float("nan"), {})
    terms = _terms(deviations[present], groups)
    counts = {factor: len(np.unique(numbers)) for factor, numbers in groups.items()}
    singles = {factors[0]: term for factors, term in terms.items() if len(factors) == 1}
    total = sum(term if len(factors) % 2 else -term for factors, term in terms.items())
    value = max(total, *singles.values())
    return Variance(value, _degrees(value, singles, counts), counts)


def _terms(deviations: np.ndarray, groups: Mapping[str, np.ndarray]) -> dict[tuple[str, ...], float]:
    """The term of every combination of factors: deviations and each factor's groups are (values,)."""
    terms: dict[tuple[str, ...], float] = {}
    for count in range(1, len(groups) + 1):
        for factors in combinations(groups, count):
            code = np.zeros(len(deviations), dtype=np.int64)
            for factor in factors:
                code = code * (int(groups[factor].max()) + 1) + groups[factor]
            _, code = np.unique(code, return_inverse=True)
            sums = np.bincount(code, weights=deviations)
            terms[factors] = float(sums @ sums) / len(deviations) ** 2 * len(sums) / (len(sums) - 1)
    return terms


def _degrees(value: float, singles: Mapping[str, float], counts: Mapping[str, int]) -> float:
    fewest = float(min(counts.values()) - 1)
    parts = sum(term**2 / (counts[factor] - 1) for factor, term in singles.items())
    return max(value**2 / parts, fewest) if parts > 0 else fewest
