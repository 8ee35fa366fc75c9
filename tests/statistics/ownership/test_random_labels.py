"""Marks with random labels: by hand, and the exact distribution for biased models on dependent utterances."""

from math import comb

import numpy as np
import pytest
from scipy import stats

from sanguinaria.statistics.ownership.power import random_labels_power
from sanguinaria.statistics.ownership.random_labels import (
    hits_needed,
    label_lifts,
    most_lifted,
    random_labels_p_value,
)

MARKS, LABELS = 8, 4


def test_a_lift_is_the_difference_of_two_counts_and_labels_outside_count_for_none():
    lifts = label_lifts(np.array([[0, 0, 2, -1], [1, 1, 1, 1]]), np.array([0, 1, 1, -1]), 3)
    assert lifts.tolist() == [[1, -2, 1], [-1, 2, 0]]


def test_ties_are_broken_among_the_tied_labels_with_equal_chances():
    lifts = np.tile([3, 1, 3, 0], (4000, 1))
    chosen = most_lifted(lifts, np.random.default_rng(0))
    assert set(chosen.tolist()) == {0, 2}
    assert stats.binomtest(int((chosen == 0).sum()), 4000, 0.5).pvalue > 0.01


def test_p_values_are_sums_of_binomial_terms():
    for hits in (0, 1, 5):
        terms = [comb(6, k) * 0.2**k * 0.8 ** (6 - k) for k in range(hits, 7)]
        assert random_labels_p_value(hits, 6, 5) == pytest.approx(sum(terms))


@pytest.mark.parametrize(("labels", "hits"), [(10, 8), (35, 5)])
def test_hits_of_twenty_marks_at_one_in_a_thousand(labels, hits):
    assert hits_needed(20, labels, 0.001) == hits
    assert random_labels_p_value(hits, 20, labels) <= 0.001 < random_labels_p_value(hits - 1, 20, labels)


def test_no_number_of_hits_is_enough_with_too_few_marks():
    assert hits_needed(2, 4, 0.01) == 3 and random_labels_power(2, 4, 1.0, 0.01) == 0.0


def test_power_is_the_share_of_simulated_claims_that_are_confirmed():
    hits = np.random.default_rng(1).binomial(20, 0.4, size=20_000)
    share = (hits >= hits_needed(20, 10, 0.001)).mean()
    assert random_labels_power(20, 10, 0.4, 0.001) == pytest.approx(share, abs=0.015)


def biased_model_hits(draws: int) -> np.ndarray:
    """Hits of fresh labels on one model that predicts label 0 for most marks, and whose utterances all agree."""
    random = np.random.default_rng(2)
    # One favourite label for all utterances of a mark: as dependent as can be, and far from uniform.
    favourites = random.choice(LABELS, size=MARKS, p=[0.85, 0.1, 0.05, 0.0])
    lifts = label_lifts(np.repeat(favourites[:, None], 30, axis=1), np.full(30, 3), LABELS)
    return np.array([(most_lifted(lifts, random) == random.integers(LABELS, size=MARKS)).sum() for _ in range(draws)])


def test_hits_on_a_biased_model_with_dependent_utterances_are_binomial():
    counts = np.bincount(biased_model_hits(20_000), minlength=MARKS + 1)
    expected = stats.binom.pmf(np.arange(MARKS + 1), MARKS, 1 / LABELS) * counts.sum()
    # The last cells are pooled, as the chi-squared distribution needs expected counts of 5 or more.
    last = int((expected >= 5).sum())
    pooled = [np.append(values[: last - 1], values[last - 1 :].sum()) for values in (counts, expected)]
    assert stats.chisquare(*pooled).pvalue > 0.01
