"""Paired comparisons against scipy, by hand, and by simulation."""

import numpy as np
import pytest
from scipy import stats

from sanguinaria.statistics.comparisons import holm, paired_difference
from sanguinaria.statistics.observations import Observations
from tests.statistics.test_intervals import experiment

NAMES = [str(place) for place in range(50)]


def observations(values, runs=({},), names=NAMES) -> Observations:
    return Observations(np.atleast_2d(values), names, runs, names)


def test_the_test_of_one_run_is_the_paired_t_test():
    random = np.random.default_rng(0)
    first, second = random.normal(size=50), random.normal(0.3, 1, size=50)
    difference = paired_difference(observations(first), observations(second))
    reference = stats.ttest_rel(first, second)
    assert difference.p_value == pytest.approx(reference.pvalue, rel=1e-9)
    interval = reference.confidence_interval(0.95)
    assert (difference.estimate.low, difference.estimate.high) == pytest.approx((interval.low, interval.high))


def test_utterances_are_paired_by_name_and_runs_by_the_seeds_that_both_have():
    one = observations([[1.0, 2.0, 3.0], [5.0, 6.0, 7.0]], [{"training": 0}, {"training": 1}], ["a", "b", "c"])
    other = observations([[50.0, 30.0], [3.0, 1.0]], [{"training": 2}, {"training": 0}], ["c", "a"])
    mine, theirs = one.paired(other)
    assert mine.values.tolist() == [[1.0, 3.0]] and theirs.values.tolist() == [[1.0, 3.0]]
    assert mine.runs == [{"training": 0}]


def test_a_factor_of_one_side_goes_with_every_run_of_the_other():
    generators = [{"generator": g, "training": t} for g in range(3) for t in range(2)]
    one = observations(np.arange(6.0)[:, None], generators, ["a"])
    other = observations([[10.0], [20.0]], [{"training": 0}, {"training": 1}], ["a"])
    mine, theirs = one.paired(other)
    assert mine.values.ravel().tolist() == [0, 1, 2, 3, 4, 5]
    assert theirs.values.ravel().tolist() == [10, 20, 10, 20, 10, 20]


def test_equal_observations_are_not_different_and_constant_differences_are():
    values = np.random.default_rng(1).normal(size=50)
    assert paired_difference(observations(values), observations(values)).p_value == 1
    assert paired_difference(observations(values + 1), observations(values)).p_value == pytest.approx(0, abs=1e-12)


def test_equal_rates_are_called_different_in_one_of_twenty():
    random = np.random.default_rng(2)
    p_values = [
        paired_difference(experiment(random, 3, 3, 0.5), experiment(random, 3, 3, 0.5)).p_value for _ in range(200)
    ]
    # A binomial share of 5 % of 200 draws is below 11 % with a probability above 0.9995.
    assert np.mean(np.array(p_values) < 0.05) < 0.11


def test_a_difference_that_every_run_has_is_found():
    random = np.random.default_rng(3)
    first = experiment(random, 3, 3, 0.2)
    worse = first.with_values(first.values * (random.random(first.values.shape) < 0.9))
    assert paired_difference(first, worse).p_value < 0.01


def test_holm_by_hand():
    p_values = [0.042, 0.001, 0.039, 0.041, 0.008]
    # Sorted × (5, 4, 3, 2, 1) = .005, .032, .117, .082 → .117, .042 → .117.
    assert holm(p_values) == pytest.approx([0.117, 0.005, 0.117, 0.117, 0.032])


def test_holm_leaves_out_what_could_not_be_tested():
    adjusted = holm([0.02, float("nan"), 0.04])
    assert adjusted[0] == 0.04 and np.isnan(adjusted[1]) and adjusted[2] == 0.04
    assert holm([]) == [] and holm([0.9, 0.8]) == [1.0, 1.0]
