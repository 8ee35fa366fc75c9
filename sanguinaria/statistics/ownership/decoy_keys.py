"""Decoy keys: the rank of the real key's effect among those of keys that marked nothing.

The real key is drawn uniformly among K + 1 and its label among L, and the model of someone without the data does not
depend on the draw. So the rank of the real pair is uniform, whatever the effects are and however they depend on each
other. Ties count against the claim.
"""

from __future__ import annotations

import numpy as np


def probability_lifts(marked: np.ndarray, unmarked: np.ndarray) -> np.ndarray:
    """Compute mean lifts S(j, y) = meanₓ [p_y(x⊕kⱼ) − p_y(x)].

    Args:
        marked: probabilities (keys, utterances, labels), or indicators of the predicted label.
        unmarked: (utterances, labels) of the same utterances.

    Returns:
        Lifts (keys, labels).
    """
    lifts: np.ndarray = (marked - unmarked).mean(1)
    return lifts


def decoys_p_value(lifts: np.ndarray, real: int, label: int) -> float:
    """Compute the share of all pairs of key and label whose lift is at least that of the real pair, itself counted.

    >>> decoys_p_value(np.array([[0.0, 0.9], [0.1, 0.2]]), real=0, label=1)
    0.25

    Args:
        lifts: (keys, labels).
        real: index of the key that marked the data, drawn uniformly.
        label: index of its label, drawn uniformly.
    """
    return float((lifts >= lifts[real, label]).mean())


def fixed_label_p_value(lifts: np.ndarray, real: int) -> float:
    """Compute (1 + number of decoys with at least the real lift) / (K + 1), where the label was not drawn.

    >>> fixed_label_p_value(np.array([0.9, 0.1, 0.2, 0.9]), real=0)
    0.5

    Args:
        lifts: of the one label, (keys,).
        real: index of the key that marked the data, drawn uniformly.
    """
    return float((lifts >= lifts[real]).mean())


def decoys_needed(alpha: float, labels: int = 1) -> int:
    """Return the number K of decoys with which the least p-value, 1/((K + 1) L), is at most α.

    >>> decoys_needed(0.01), decoys_needed(0.01, labels=10)
    (99, 9)

    Args:
        alpha: level of the test.
        labels: number L of labels that the real one was drawn among; 1 for a fixed one.
    """
    return max(1, int(np.ceil(round(1 / (alpha * labels), 9))) - 1)
