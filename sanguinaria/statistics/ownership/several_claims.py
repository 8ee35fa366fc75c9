"""Several claims at once: of several corpora, or several marks of one corpus."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sanguinaria.statistics.comparisons import holm


def confirmed_claims(p_values: Sequence[float], alpha: float) -> list[bool]:
    """Return which claims are confirmed so that the chance of any false one is at most α (Holm, 1979).

    >>> confirmed_claims([0.001, 0.03, 0.02], 0.05)
    [True, True, True]

    Args:
        p_values: of the claims, dependent or not.
        alpha: level for all of them together.
    """
    return [p_value <= alpha for p_value in holm(p_values)]


def mean_e_value(e_values: Sequence[float]) -> float:
    """Compute the mean of e-values, an e-value under any dependence (Vovk and Wang, 2021, Proposition 3.1).

    >>> mean_e_value([40.0, 0.0])
    20.0

    Args:
        e_values: of the same claim by several tests, or of several corpora of one owner.
    """
    return float(np.mean(e_values))
