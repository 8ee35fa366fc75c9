"""Error rates of verification, by hand and against another way to compute them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import brentq

from sanguinaria.statistics.error_rates import SortedTrials, equal_error_rate, estimate_error, minimum_detection_cost


def error_rate(scores, targets) -> float:
    return equal_error_rate(*SortedTrials(np.asarray(scores, float), np.asarray(targets)).rates())


def cost(scores, targets) -> float:
    return minimum_detection_cost(*SortedTrials(np.asarray(scores, float), np.asarray(targets)).rates())


@pytest.mark.parametrize(
    ("targets", "others", "expected"),
    [
        ([3, 4], [1, 2], 0),  # apart
        ([1, 2], [3, 4], 1),  # the wrong way round
        ([1, 3], [2, 4], 0.5),
        ([2, 4, 5, 6], [0, 1, 3, 1.5], 0.25),
        ([1, 1], [1, 1], 0.5),  # nothing but ties: half of the way from accepting all to accepting none
        # From (miss 0, alarm 1/2) to (miss 1/3, alarm 0): x/3 = (1 − x)/2 at x = 3/5.
        ([1, 2, 3], [0, 1], 0.2),
    ],
)
def test_equal_error_rates_by_hand(targets, others, expected):
    labels = [True] * len(targets) + [False] * len(others)
    assert error_rate([*targets, *others], labels) == pytest.approx(expected)


def test_equal_error_rate_of_normal_scores_is_that_of_the_distribution():
    random = np.random.default_rng(0)
    targets = np.arange(40_000) % 2 == 0
    scores = random.normal(size=40_000) + 2 * targets
    assert error_rate(scores, targets) == pytest.approx(stats.norm.cdf(-1), abs=0.005)


def test_equal_error_rate_is_where_the_two_curves_cross():
    random = np.random.default_rng(1)
    for _ in range(20):
        targets = random.random(60) < 0.4
        scores = np.round(random.normal(size=60) + targets, 1)  # with ties
        cuts = [-np.inf, *(np.unique(scores) + 0.05)]
        misses = [(scores[targets] < cut).mean() for cut in cuts]
        alarms = [(scores[~targets] > cut).mean() for cut in cuts]
        places = np.arange(len(cuts))
        crossing = brentq(lambda x: np.interp(x, places, misses) - np.interp(x, places, alarms), 0, len(cuts) - 1)  # noqa: B023
        assert error_rate(scores, targets) == pytest.approx(np.interp(crossing, places, misses), abs=1e-6)


def test_detection_costs_by_hand():
    assert cost([3, 4, 1, 2], [True, True, False, False]) == 0
    assert cost([1, 2, 3, 4], [True, True, False, False]) == 1  # nothing is better than to accept nothing
    # Between the two target trials: half of them are missed, and no other is accepted.
    assert cost([4, 1, 2, 3], [True, True, False, False]) == pytest.approx(0.5)


def test_trials_of_one_kind_have_no_rate():
    assert np.isnan(error_rate([1, 2], [True, True])) and np.isnan(error_rate([1, 2], [False, False]))


def trials(speakers: int, separation: float, seed: int, effect: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    one = random.integers(speakers, size=2000)
    two = np.where(np.arange(2000) % 2 == 0, one, (one + 1 + random.integers(speakers - 1, size=2000)) % speakers)
    own = np.random.default_rng(99).normal(scale=effect, size=speakers) if effect else np.zeros(speakers)
    target = one == two
    score = random.normal(size=2000) + separation * target + own[one] + own[two]
    return pd.DataFrame({"target": target, "enrolment_speaker": one, "test_speaker": two, "score": score})


def test_weights_are_as_trials_that_are_repeated():
    table = trials(10, 1, 0)
    weights = np.random.default_rng(2).integers(0, 4, size=2000)
    scores, targets = table["score"].to_numpy(), table["target"].to_numpy()
    repeated = error_rate(np.repeat(scores, weights), np.repeat(targets, weights))
    assert equal_error_rate(*SortedTrials(scores, targets).rates(weights.astype(float))) == pytest.approx(repeated)


def test_intervals_hold_the_value_and_grow_where_speakers_differ():
    plain, different = (estimate_error(equal_error_rate, [trials(20, 2, 0, effect)]) for effect in (0.0, 1.0))
    assert plain.low < plain.value < plain.high and plain.high - plain.low < 0.08
    assert different.high - different.low > 1.5 * (plain.high - plain.low)


def test_several_trainings_are_averaged_and_vary():
    tables = [trials(20, separation, 0) for separation in (1.0, 2.0, 3.0)]
    values = [error_rate(table["score"], table["target"]) for table in tables]
    found = estimate_error(equal_error_rate, tables)
    assert found.value == pytest.approx(np.mean(values))
    margin = stats.t.ppf(0.975, 2) * np.std(values, ddof=1) / np.sqrt(3)
    assert found.high >= np.mean(values) + margin and found.low == 0


def test_nothing_has_no_interval():
    assert np.isnan(estimate_error(equal_error_rate, []).value)
    assert np.isnan(estimate_error(equal_error_rate, [trials(5, 1, 0).iloc[:0]]).value)
