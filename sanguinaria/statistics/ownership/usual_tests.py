"""The field's usual tests, for comparison alone: neither has a valid p-value for the question of ownership.

Both take the utterances for what is random, and the one model for given. A model that has never seen the data may react
to a mark a little, by its own biases; every further utterance then makes the p-value smaller.
"""

from __future__ import annotations

import numpy as np
from scipy import stats


def invalid_paired_t_test(marked: np.ndarray, unmarked: np.ndarray, margin: float = 0.2) -> float:
    """Compute DVBW's p-value (Li et al., 2022, arXiv:2209.06015, section 3.3); not valid, for comparison.

    The null hypothesis is that the mean of marked − unmarked − τ is not above 0 *for this model*. It is true of models
    without the data only if none of them reacts by more than τ.

    Args:
        marked: probability of the target label of marked utterances, (utterances,).
        unmarked: of the same utterances without the mark.
        margin: τ.
    """
    differences = marked - unmarked - margin
    if np.ptp(differences) == 0:
        return 0.0 if differences[0] > 0 else 1.0
    return float(stats.ttest_1samp(differences, 0.0, alternative="greater").pvalue)


def invalid_binomial_test(hits: int, queries: int, labels: int) -> float:
    """Compute P(Bin(n, 1/L) ≥ hits), for hits of one target label; not valid, for comparison.

    A model without the data predicts the target label of unmarked and of marked utterances more or less often than 1/L,
    and the utterances' predictions depend on each other through the model.

    >>> round(invalid_binomial_test(3, 3, 2), 6)
    0.125

    Args:
        hits: marked utterances that are predicted as the target label.
        queries: number n of marked utterances.
        labels: number L.
    """
    return float(stats.binom.sf(hits - 1, queries, 1 / labels))
