"""Pairs: by hand, the pairs that a power takes, and the null distribution with dependent utterances."""

import numpy as np
import pytest
from scipy import stats

from sanguinaria.core.errors import InputError
from sanguinaria.statistics.ownership.pairs import pair_wins, pairs_p_value, wins_needed
from sanguinaria.statistics.ownership.power import pairs_needed, pairs_power


def test_p_values_are_shares_of_coin_sequences():
    assert pairs_p_value(11, 12) == 13 / 2**12
    assert pairs_p_value(0, 12) == 1.0


def test_too_few_pairs_are_an_error():
    with pytest.raises(InputError, match="9 pairs: a test needs 10 or more"):
        pairs_p_value(9, 9)


def test_ties_are_decided_by_a_coin():
    same = np.full(4000, 0.25)
    wins = pair_wins(same, same, np.random.default_rng(0))
    assert stats.binomtest(int(wins.sum()), 4000).pvalue > 0.01
    assert pair_wins(np.array([0.5, 0.1]), np.array([0.2, 0.3]), np.random.default_rng(0)).tolist() == [True, False]


@pytest.mark.parametrize(("rate", "pairs"), [(0.6, 252), (0.7, 64), (0.8, 27), (0.9, 14)])
def test_pairs_for_a_power_of_eight_tenths_at_one_per_cent(rate, pairs):
    assert pairs_needed(rate, 0.01, 0.8) == pairs
    wins = np.random.default_rng(pairs).binomial(pairs, rate, size=20_000)
    assert pairs_power(pairs, rate, 0.01) == pytest.approx((wins >= wins_needed(pairs, 0.01)).mean(), abs=0.01)


def test_no_number_of_pairs_shows_a_rate_of_one_half():
    assert pairs_needed(0.5, 0.01, 0.8, most=300) is None


def test_false_confirmations_of_a_model_without_the_data_are_as_rare_as_stated():
    random = np.random.default_rng(4)
    # One model; its scores of both copies share the speaker, and the first copy is always scored higher.
    shared = np.repeat(random.normal(size=20), 10)
    copies = np.stack([shared + 1 + random.normal(size=200), shared])
    confirmed = 0
    for _ in range(3000):
        coins = random.integers(2, size=200)
        wins = pair_wins(copies[coins, range(200)], copies[1 - coins, range(200)], random)
        confirmed += pairs_p_value(int(wins.sum()), 200) <= 0.05
    assert confirmed / 3000 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 3000)
