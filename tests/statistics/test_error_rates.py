"""Error rates of speaker verification, by hand and against an independent computation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import brentq

from sanguinaria.statistics.error_rates import (
    SortedTrials,
    equal_error_rate,
    error_influences,
    estimate_error,
    minimum_detection_cost,
)


def error_rate(scores, targets) -> float:
    return equal_error_rate(*SortedTrials(np.asarray(scores, float), np.asarray(targets)).rates())


def cost(scores, targets) -> float:
    return minimum_detection_cost(*SortedTrials(np.asarray(scores, float), np.asarray(targets)).rates())


@pytest.mark.parametrize(
    ("targets", "others", "expected"),
    [
        ([3, 4], [1, 2], 0),  # separated
        ([1, 2], [3, 4], 1),  # reversed
        ([1, 3], [2, 4], 0.5),
        ([2, 4, 5, 6], [0, 1, 3, 1.5], 0.25),
        ([1, 1], [1, 1], 0.5),  # ties only: half-way between accepting all and none
        # From (miss 0, alarm 1/2) to (miss 1/3, alarm 0): x/3 = (1 − x)/2 at x = 3/5.
        ([1, 2, 3], [0, 1], 0.2),
    ],
)
def test_equal_error_rates_by_hand(targets, others, expected):
    labels = [True] * len(targets) + [False] * len(others)
    assert error_rate([*targets, *others], labels) == pytest.approx(expected)


def test_equal_error_rate_of_normal_scores_is_analytic():
    random = np.random.default_rng(0)
    targets = np.arange(40_000) % 2 == 0
    scores = random.normal(size=40_000) + 2 * targets
    assert error_rate(scores, targets) == pytest.approx(stats.norm.cdf(-1), abs=0.005)


def test_equal_error_rate_is_where_the_two_curves_cross():
    random = np.random.default_rng(1)
    for _ in range(20):
        targets = random.random(60) < 0.4
        scores = np.round(random.normal(size=60) + targets, 1)  # with ties
        thresholds = [-np.inf, *(np.unique(scores) + 0.05)]
        misses = [(scores[targets] < threshold).mean() for threshold in thresholds]
        alarms = [(scores[~targets] > threshold).mean() for threshold in thresholds]
        positions = np.arange(len(thresholds))
        gap = np.array(misses) - alarms
        crossing = brentq(lambda x: np.interp(x, positions, gap), 0, len(thresholds) - 1)  # noqa: B023
        assert error_rate(scores, targets) == pytest.approx(np.interp(crossing, positions, misses), abs=1e-6)


def test_detection_costs_by_hand():
    assert cost([3, 4, 1, 2], [True, True, False, False]) == 0
    assert cost([1, 2, 3, 4], [True, True, False, False]) == 1  # no threshold is better than rejecting every trial
    # A threshold between the two target trials: half of them are missed, without a false alarm.
    assert cost([4, 1, 2, 3], [True, True, False, False]) == pytest.approx(0.5)


def test_the_rate_of_trials_of_one_kind_is_nan():
    assert np.isnan(error_rate([1, 2], [True, True])) and np.isnan(error_rate([1, 2], [False, False]))


def trials(speakers: int, separation: float, seed: int, effect: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    one = random.integers(speakers, size=2000)
    two = np.where(np.arange(2000) % 2 == 0, one, (one + 1 + random.integers(speakers - 1, size=2000)) % speakers)
    effects = np.random.default_rng(99).normal(scale=effect, size=speakers) if effect else np.zeros(speakers)
    target = one == two
    score = random.normal(size=2000) + separation * target + effects[one] + effects[two]
    return pd.DataFrame({"target": target, "enrolment_speaker": one, "test_speaker": two, "score": score})


def test_weights_are_equivalent_to_repeated_trials():
    table = trials(10, 1, 0)
    weights = np.random.default_rng(2).integers(0, 4, size=2000)
    scores, targets = table["score"].to_numpy(), table["target"].to_numpy()
    repeated = error_rate(np.repeat(scores, weights), np.repeat(targets, weights))
    assert equal_error_rate(*SortedTrials(scores, targets).rates(weights.astype(float))) == pytest.approx(repeated)


def estimate(tables, metric=equal_error_rate):
    runs = [{"training": place} for place in range(len(tables))]
    return estimate_error(error_influences(metric, tables, runs), len(tables[0]))


def test_intervals_contain_the_value_and_widen_with_speaker_effects():
    plain, different = (estimate([trials(20, 2, 0, effect)]) for effect in (0.0, 1.0))
    assert plain.low < plain.value < plain.high and plain.high - plain.low < 0.08
    assert different.high - different.low > 1.5 * (plain.high - plain.low)


def test_the_estimate_over_trainings_is_their_mean_with_their_variation():
    tables = [trials(20, separation, 0) for separation in (1.0, 2.0, 3.0)]
    values = [error_rate(table["score"], table["target"]) for table in tables]
    several = estimate(tables)
    assert several.value == pytest.approx(np.mean(values))
    assert several.covers == {"training": 3, "speakers": 20}
    # Student's t of two degrees of freedom is 4.3: the variation of three trainings alone spans more than this.
    assert several.high - several.low > 2 * 4.3 * np.std(values, ddof=1) / np.sqrt(3)


def test_the_pseudo_values_of_a_training_have_its_rate_as_mean_and_the_bootstrap_s_spread():
    table = trials(40, 1.5, 3, effect=0.5)
    influences = error_influences(equal_error_rate, [table], [{}])
    assert influences.values.mean() == pytest.approx(error_rate(table["score"], table["target"]))
    # The vertex bootstrap of Snijders and Borgatti: speakers are drawn, a pair has the product of their weights.
    random, ordered = np.random.default_rng(0), SortedTrials(table["score"].to_numpy(), table["target"].to_numpy())
    one, two, target = (table[name].to_numpy() for name in ("enrolment_speaker", "test_speaker", "target"))
    rates = []
    for _ in range(500):
        drawn = np.bincount(random.integers(40, size=40), minlength=40)
        rates.append(
            equal_error_rate(*ordered.rates(np.where(target, drawn[one], drawn[one] * drawn[two]).astype(float)))
        )
    # Both count what is particular to a pair with each of its speakers.
    assert 0.8 < np.std(influences.values, ddof=1) / np.sqrt(40) / np.std(rates) < 1.6


def test_no_error_has_the_interval_of_the_trials():
    perfect = estimate([trials(20, 40, 0)])
    # The upper end of Clopper and Pearson's interval of 0 of 2000: 1 − 0.025^(1/2000).
    assert (perfect.value, perfect.low) == (0, 0) and perfect.high == pytest.approx(1 - 0.025 ** (1 / 2000))


def test_estimates_without_trials_are_nan():
    assert np.isnan(error_influences(equal_error_rate, [], []).mean)
    assert np.isnan(error_influences(equal_error_rate, [trials(5, 1, 0).iloc[:0]], [{}]).mean)
