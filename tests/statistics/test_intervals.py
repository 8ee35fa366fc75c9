"""Intervals against published and analytic values, and against simulations whose truth is known."""

import numpy as np
import pytest
from scipy import stats
from scipy.stats import binomtest

from sanguinaria.statistics.intervals import clopper_pearson, estimate_mean, estimate_rate, estimate_statistic
from sanguinaria.statistics.observations import Observations

SPEAKERS = [str(number) for number in range(100)]


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (1, 10), (81, 263), (15, 148), (650, 650)])
def test_clopper_pearson_is_scipys(successes, trials):
    reference = binomtest(successes, trials).proportion_ci(0.95, method="exact")
    assert clopper_pearson(successes / trials, trials) == pytest.approx((reference.low, reference.high), abs=1e-9)


def test_clopper_pearson_as_published():
    # Newcombe (1998), Statistics in Medicine 17, Table I: 81 of 263 and 15 of 148, method 5.
    assert clopper_pearson(81 / 263, 263) == pytest.approx((0.2527, 0.3676), abs=5e-5)
    assert clopper_pearson(15 / 148, 148) == pytest.approx((0.0578, 0.1617), abs=5e-5)


def hits(*successes: int, trials: int = 100, speakers=SPEAKERS, runs=None) -> Observations:
    """0 or 1 (runs, utterances), with the first utterances of each run as successes."""
    values = np.stack([np.arange(trials) < count for count in successes]).astype(float)
    return Observations(values, speakers, runs or [{"training": place} for place in range(len(successes))], speakers)


def test_one_run_of_independent_utterances_has_the_interval_of_so_many_trials():
    # Of 100 speakers with one utterance each: p (1 − p) / V is 99, and t of 99 degrees of freedom 1.984.
    estimate = estimate_rate(hits(90))
    trials = 99 * (1.959964 / 1.984217) ** 2
    assert (estimate.low, estimate.high) == pytest.approx(clopper_pearson(0.9, trials), abs=1e-6)
    assert estimate.covers == {"speakers": 100} and estimate.not_moved == ("training",) and not estimate.repeated


def test_the_interval_of_a_rate_includes_the_variation_between_trainings():
    # Rates .2, .5, .8 dominate: V ≈ s² / 3 = .03, two degrees of freedom, t = 4.303: about 1.7 independent trials.
    estimate = estimate_rate(hits(20, 50, 80))
    assert estimate.value == pytest.approx(0.5)
    assert estimate.high - estimate.low > 0.85
    assert estimate.covers == {"training": 3, "speakers": 100} and estimate.repeated


def test_the_interval_is_over_speakers_where_their_utterances_are_equal():
    # Ten speakers of ten utterances, nine of them with successes only: as much information as nine independent trials.
    estimate = estimate_rate(hits(90, speakers=[str(number // 10) for number in range(100)]))
    trials = 9 * (1.959964 / stats.t.ppf(0.975, 9)) ** 2
    assert (estimate.low, estimate.high) == pytest.approx(clopper_pearson(0.9, trials), abs=1e-6)


def test_where_every_run_is_right_the_interval_is_that_of_the_utterances():
    assert estimate_rate(hits(100, 100, 100)).low == pytest.approx(clopper_pearson(1.0, 100)[0])


def test_factors_that_move_together_are_one_and_their_groups_are_counted():
    runs = [
        {"generator": g, "poison": t, "training": t, "purifier": 0}
        for g, t in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2))
    ]
    estimate = estimate_rate(hits(80, 85, 90, 60, 65, 70, runs=runs))
    assert estimate.covers == {"generator": 2, "poison+training": 3, "speakers": 100}
    assert estimate.not_moved == ("purifier",) and estimate.repeated


def test_a_run_without_random_factors_is_no_missing_repetition():
    assert estimate_rate(hits(90, runs=[{}])).repeated


def test_the_interval_of_a_mean_is_students():
    values = np.random.default_rng(3).normal(3.0, 0.5, 400)
    estimate = estimate_mean(Observations(values[None], [str(number) for number in range(400)], [{}]))
    reference = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (estimate.low, estimate.high) == pytest.approx((reference.low, reference.high), rel=1e-9)


def test_the_interval_of_a_mean_over_speakers_is_that_of_their_means():
    random = np.random.default_rng(4)
    means = random.normal(3.0, 0.5, 20)
    estimate = estimate_mean(Observations(np.repeat(means, 5)[None], np.repeat(np.arange(20), 5).astype(str), [{}]))
    reference = stats.ttest_1samp(means, 0).confidence_interval(0.95)
    assert (estimate.low, estimate.high) == pytest.approx((reference.low, reference.high), rel=1e-9)


def test_a_factor_of_one_group_has_no_variance_and_utterances_of_one_speaker_have():
    one = estimate_mean(Observations(np.array([[1.0, 2.0, 3.0]]), ["a", "a", "a"], [{}]))
    assert one.covers == {"utterances": 3} and one.high > 3
    single = estimate_mean(Observations(np.array([[1.0]]), ["a"], [{"training": 0}]))
    assert single.value == 1 and np.isnan(single.low)


def test_estimates_without_observations_are_nan():
    assert np.isnan(estimate_rate(Observations(np.zeros((0, 0)), [], [])).value)
    assert np.isnan(estimate_mean(Observations(np.full((1, 2), np.nan), ["a", "b"], [{}])).low)


def test_the_delta_method_gives_the_variance_of_a_ratio():
    # The ratio of two means of independent normals: its standard error to first order, by hand.
    random = np.random.default_rng(5)
    above, below = random.normal(2, 0.3, 5000), random.normal(4, 0.2, 5000)
    ratio = above.mean() / below.mean()
    influences = (above - above.mean()) / below.mean() - ratio / below.mean() * (below - below.mean())
    estimate = estimate_statistic(ratio, Observations(influences[None], [str(place) for place in range(5000)], [{}]))
    error = np.hypot(0.3 / 4, 0.5 * 0.2 / 4) / np.sqrt(5000)
    assert (estimate.high - estimate.low) / 2 == pytest.approx(1.96 * error, rel=0.05)


def experiment(random, generators: int, trainings: int, generator_effect: float) -> Observations:
    """Hits of 30 speakers' eight utterances, with effects of generator, training, speaker and utterance."""
    logits = (
        2
        + random.normal(0, generator_effect, (generators, 1, 1, 1))
        + random.normal(0, 0.3, (1, trainings, 1, 1))
        + random.normal(0, 0.5, (1, 1, 30, 1))
        + random.normal(0, 1.0, (1, 1, 30, 8))
    )
    values = (random.random((generators, trainings, 30, 8)) < 1 / (1 + np.exp(-logits))).astype(float)
    runs = [{"generator": g, "training": t} for g in range(generators) for t in range(trainings)]
    names = [f"{place // 8}-{place}" for place in range(240)]
    return Observations(values.reshape(len(runs), -1), [name.split("-")[0] for name in names], runs, names)


def true_rate(generator_effect: float) -> float:
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    effect = np.sqrt(generator_effect**2 + 0.3**2 + 0.5**2 + 1.0)
    return float(weights @ (1 / (1 + np.exp(-2 - nodes * effect))) / weights.sum())


@pytest.mark.parametrize(("generators", "trainings", "effect"), [(1, 3, 0.0), (3, 5, 0.5), (5, 5, 0.5)])
def test_intervals_cover_the_truth_over_generators_trainings_and_speakers(generators, trainings, effect):
    random, truth = np.random.default_rng(6), true_rate(effect)
    estimates = [estimate_rate(experiment(random, generators, trainings, effect)) for _ in range(200)]
    covered = np.mean([estimate.low <= truth <= estimate.high for estimate in estimates])
    # 95 % within 3.3 standard errors of so few draws; ``benchmarks/coverage.py`` has many.
    assert covered >= 0.90
    assert np.median([estimate.high - estimate.low for estimate in estimates]) < 0.4
