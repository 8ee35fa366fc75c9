"""Decoy keys: by hand, and uniform ranks with strongly correlated keys and a model that favours one label."""

import numpy as np
import pytest
from scipy import stats

from sanguinaria.statistics.ownership.decoy_keys import (
    decoys_needed,
    decoys_p_value,
    fixed_label_p_value,
    probability_lifts,
)

KEYS, LABELS = 50, 4


def test_lifts_are_means_over_utterances():
    marked = np.array([[[0.5, 0.5], [1.0, 0.0]], [[0.0, 1.0], [0.25, 0.75]]])
    unmarked = np.array([[0.5, 0.5], [0.5, 0.5]])
    assert probability_lifts(marked, unmarked).tolist() == [[0.25, -0.25], [-0.375, 0.375]]


def test_ranks_count_the_real_pair_and_ties_against_the_claim():
    lifts = np.array([[0.1, 0.9], [0.9, 0.2], [0.3, 0.95]])
    assert decoys_p_value(lifts, 0, 1) == 3 / 6
    assert decoys_p_value(lifts, 2, 1) == 1 / 6
    assert fixed_label_p_value(lifts[:, 1], 2) == 1 / 3
    assert fixed_label_p_value(np.zeros(4), 1) == 1.0


def test_least_p_values():
    assert decoys_needed(0.01) == 99 and decoys_needed(0.05) == 19
    lifts = np.append(np.zeros(decoys_needed(0.01)), 1.0)
    assert fixed_label_p_value(lifts, 99) == 0.01


def dependent_lifts(random: np.random.Generator) -> np.ndarray:
    """Effects of keys that share most of their variance, on a model that reacts to any mark with label 2."""
    lifts = 3 * random.normal() + random.normal(size=(KEYS, LABELS))
    lifts[:, 2] += 5
    return lifts


@pytest.mark.parametrize("fixed", [False, True])
def test_p_values_of_a_model_without_the_data_are_uniform(fixed):
    random = np.random.default_rng(3)
    p_values = []
    for _ in range(4000):
        lifts, real, label = dependent_lifts(random), random.integers(KEYS), random.integers(LABELS)
        p_values.append(fixed_label_p_value(lifts[:, 2], real) if fixed else decoys_p_value(lifts, real, label))
    steps = KEYS if fixed else KEYS * LABELS
    # Ranks are discrete: a random part of a step makes them uniform on (0, 1), if each rank is as frequent.
    smoothed = np.array(p_values) - random.random(len(p_values)) / steps
    assert stats.kstest(smoothed, "uniform").pvalue > 0.01
