"""Marks with random labels: the number of marks that lift their own label is binomial for an independent model.

Each of m marks is bound to a label drawn uniformly among L. A model that has not seen the data is a function that does
not depend on these labels, so each mark's most lifted label equals its own with probability 1/L, independently of the
others: whatever the model's biases, and however dependent the utterances.
"""

from __future__ import annotations

import numpy as np
from scipy import stats


def label_lifts(marked: np.ndarray, unmarked: np.ndarray, labels: int) -> np.ndarray:
    """Compute how often each label is predicted more with a mark than without one: Σₓ [1(f(x⊕k) = y) − 1(f(x) = y)].

    >>> label_lifts(np.array([[1, 1, 0]]), np.array([0, 1, 0]), 3)
    array([[-1,  1,  0]])

    Args:
        marked: predicted labels of the marked utterances, (marks, utterances), in 0 … labels − 1; −1 for a label that
            is none of these.
        unmarked: predicted labels of the same utterances without a mark, (utterances,).
        labels: their number L.

    Returns:
        Lifts (marks, labels).
    """
    classes = np.arange(labels)
    counts = (marked[..., None] == classes).sum(1)
    lifts: np.ndarray = counts - (unmarked[:, None] == classes).sum(0)
    return lifts


def most_lifted(lifts: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the most lifted label of each mark; ties are broken at random.

    Args:
        lifts: (marks, labels).
        random: generator of the ties, independent of the labels that the marks are bound to.

    Returns:
        Labels (marks,).
    """
    tied = lifts == lifts.max(1, keepdims=True)
    chosen: np.ndarray = np.where(tied, random.random(lifts.shape), -1.0).argmax(1)
    return chosen


def random_labels_p_value(hits: int, marks: int, labels: int) -> float:
    """Compute P(Bin(m, 1/L) ≥ h), the exact p-value.

    >>> round(random_labels_p_value(2, 2, 10), 12)
    0.01

    Args:
        hits: number h of marks whose most lifted label is their own.
        marks: number m.
        labels: number L.
    """
    return float(stats.binom.sf(hits - 1, marks, 1 / labels))


def hits_needed(marks: int, labels: int, alpha: float) -> int:
    """Return the least number of hits whose p-value is at most α; one more than the marks where none is.

    >>> hits_needed(20, 10, 0.001), hits_needed(20, 35, 0.001)
    (8, 5)

    Args:
        marks: number m.
        labels: number L.
        alpha: level of the test.
    """
    p_values = stats.binom.sf(np.arange(-1, marks), marks, 1 / labels)
    return int((p_values > alpha).sum())
