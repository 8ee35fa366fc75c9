"""Betting on pairs: the wealth by hand, its mean without the data, and validity whenever one stops."""

from itertools import product
from math import exp, log

import numpy as np
import pytest
from scipy import integrate

from sanguinaria.statistics.ownership.betting import bet, log_e_value, stopping_pair


def wealth(outcomes) -> float:
    """The wealth after each outcome was bet on, step by step."""
    value, won = 1.0, 0
    for number, outcome in enumerate(outcomes):
        share = bet(won, number - won)
        value *= 2 * (share if outcome else 1 - share)
        won += outcome
    return value


def test_the_bets_multiply_to_the_e_value_in_any_order():
    for outcomes in ((1, 1, 0, 1), (0, 1, 1, 1), (0, 0, 0)):
        assert wealth(outcomes) == pytest.approx(exp(log_e_value(sum(outcomes), outcomes.count(0))))


def test_the_e_value_is_a_mean_of_likelihood_ratios():
    mean, _ = integrate.quad(lambda q: 2 * (2 * q) ** 7 * (2 * (1 - q)) ** 3, 0.5, 1)
    assert exp(log_e_value(7, 3)) == pytest.approx(mean)


def test_its_expectation_is_one_without_the_data():
    values = [wealth(outcomes) for outcomes in product((0, 1), repeat=10)]
    assert np.mean(values) == pytest.approx(1.0)


def test_stopping_whenever_it_is_large_enough_rarely_confirms_a_model_without_the_data():
    coins = np.random.default_rng(5).random((800, 200)) < 0.5
    stopped = sum(stopping_pair(row, 0.05) is not None for row in coins)
    assert stopped / 800 <= 0.05


def test_a_resumed_verification_goes_on_where_it_broke_off():
    wins = np.random.default_rng(6).random(60) < 0.8
    stop = stopping_pair(wins, 0.01)
    assert stop is not None
    won = int(wins[: stop - 1].sum())
    assert log_e_value(won, stop - 1 - won) < log(100) <= log_e_value(won + 1, stop - 1 - won)


@pytest.mark.parametrize(("rate", "pairs"), [(0.7, 64), (0.9, 15)])
def test_few_queries_are_enough(rate, pairs):
    wins = np.random.default_rng(7).random((400, 500)) < rate
    assert np.median([stopping_pair(row, 0.01) or 500 for row in wins]) <= pairs


def test_long_runs_of_losses_are_no_error():
    assert log_e_value(0, 3000) < 0 and 0.5 <= bet(0, 3000) <= 0.51
