"""Intervals against published and analytic values."""

import numpy as np
import pytest
from scipy.stats import binomtest

from sanguinaria.statistics import intervals


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (1, 10), (81, 263), (15, 148), (650, 650)])
def test_wilson_interval_is_scipys(successes, trials):
    reference = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert intervals.wilson_interval(successes / trials, trials) == pytest.approx(
        (reference.low, reference.high), abs=1e-9
    )


def test_wilson_interval_as_published():
    # Newcombe (1998), Statistics in Medicine 17, Table I: 81 of 263 and 15 of 148, method 3.
    assert intervals.wilson_interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert intervals.wilson_interval(15 / 148, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


def hits(*successes: int, trials: int = 100) -> np.ndarray:
    """0 or 1 (seeds, utterances), with the first utterances of each seed as successes."""
    return np.stack([np.arange(trials) < count for count in successes]).astype(float)


SPEAKERS = [str(number) for number in range(100)]


def test_the_interval_of_a_rate_includes_the_variation_between_seeds():
    # Rates .8, .9, 1: mean .9, deviation .1, Student's t of two degrees of freedom 4.3027.
    estimate = intervals.estimate_rate(hits(80, 90, 100), SPEAKERS)
    assert estimate.value == pytest.approx(0.9)
    assert estimate.low == pytest.approx(0.9 - 4.3027 * 0.1 / np.sqrt(3), abs=1e-4)
    assert estimate.high == 1.0


def test_equal_seeds_do_not_narrow_the_interval():
    assert intervals.estimate_rate(hits(90, 90, 90), SPEAKERS) == intervals.estimate_rate(hits(90), SPEAKERS)


def test_the_interval_is_over_speakers_where_their_utterances_are_equal():
    # Ten speakers of ten utterances, nine of them with successes only: as much information as ten utterances.
    estimate = intervals.estimate_rate(hits(90), [str(number // 10) for number in range(100)])
    assert estimate.value == pytest.approx(0.9)
    # Of the resamples of ten speakers, 0.9 ** 10 = 35 % have no failing speaker, and 2.5 % have 3 or more: 0.7.
    assert (estimate.low, estimate.high) == (pytest.approx(0.7), 1.0)
    assert intervals.estimate_rate(hits(90), SPEAKERS).low > 0.8


def test_the_bootstrap_over_speakers_of_one_utterance_is_the_normal_interval():
    low, high = intervals.speaker_bootstrap(hits(500, trials=1000)[0], [str(number) for number in range(1000)])
    margin = 1.96 * np.sqrt(0.25 / 1000)
    assert (low, high) == (pytest.approx(0.5 - margin, abs=0.004), pytest.approx(0.5 + margin, abs=0.004))


def test_estimates_without_observations_are_nan():
    assert np.isnan(intervals.estimate_rate(np.empty((0, 10)), SPEAKERS[:10]).value)
    assert np.isnan(intervals.estimate_mean([]).low)


def test_the_bootstrap_of_a_mean_is_the_normal_interval():
    values = np.random.default_rng(3).normal(3.0, 0.5, 400)
    estimate = intervals.estimate_mean(values)
    margin = 1.96 * values.std(ddof=1) / 20
    assert estimate.value == pytest.approx(values.mean())
    assert (estimate.low, estimate.high) == pytest.approx((values.mean() - margin, values.mean() + margin), abs=0.01)
    assert intervals.estimate_mean(values) == estimate
