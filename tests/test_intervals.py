"""Intervals against published and analytic values."""

import numpy as np
import pytest
from scipy.stats import binomtest

from sanguinaria import intervals


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (1, 10), (81, 263), (15, 148), (650, 650)])
def test_wilson_is_scipys(successes, trials):
    reference = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert intervals.wilson(successes / trials, trials) == pytest.approx((reference.low, reference.high), abs=1e-9)


def test_wilson_as_published():
    # Newcombe (1998), Statistics in Medicine 17, Table I: 81 of 263 and 15 of 148, method 3.
    assert intervals.wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert intervals.wilson(15 / 148, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


def test_several_seeds_take_in_their_spread():
    # Rates .8, .9, 1: mean .9, deviation .1, Student's t of two degrees of freedom 4.3027.
    estimate = intervals.rate([80, 90, 100], 100)
    assert estimate.value == pytest.approx(0.9)
    assert estimate.low == pytest.approx(0.9 - 4.3027 * 0.1 / np.sqrt(3), abs=1e-4)
    assert estimate.high == 1.0


def test_equal_seeds_are_no_more_certain_than_their_utterances():
    assert intervals.rate([90, 90, 90], 100) == intervals.rate([90], 100)


def test_nothing_measured_is_not_a_number():
    assert np.isnan(intervals.rate([], 10).value)
    assert np.isnan(intervals.mean([]).low)


def test_the_bootstrap_agrees_with_the_normal_interval():
    values = np.random.default_rng(3).normal(3.0, 0.5, 400)
    estimate = intervals.mean(values)
    margin = 1.96 * values.std(ddof=1) / 20
    assert estimate.value == pytest.approx(values.mean())
    assert (estimate.low, estimate.high) == pytest.approx((values.mean() - margin, values.mean() + margin), abs=0.01)
    assert intervals.mean(values) == estimate
