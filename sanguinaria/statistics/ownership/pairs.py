"""Pairs: two marked copies of each utterance, of which a coin published one; no label is changed.

A model that does not depend on the published copies gives the published one the higher probability with chance ½, in
each pair independently: the coins are independent of the model and of each other.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from sanguinaria.core.errors import InputError

# With fewer pairs no p-value is below 2⁻⁹, and a decision is one of chance.
FEWEST = 10


def pair_wins(published: np.ndarray, withheld: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return in which pairs the published copy has the higher score; ties are decided by a coin.

    Args:
        published: score of the published copy, (pairs,): the probability of its label, or the negative loss.
        withheld: score of the other copy, (pairs,).
        random: generator of the coins.

    Returns:
        Truth values (pairs,).
    """
    coins = random.random(len(published)) < 0.5
    wins: np.ndarray = np.where(published == withheld, coins, published > withheld)
    return wins


def pairs_p_value(wins: int, pairs: int) -> float:
    """Compute P(Bin(N, ½) ≥ X), the exact p-value.

    >>> pairs_p_value(10, 10)
    0.0009765625

    Args:
        wins: number X of pairs whose published copy has the higher score.
        pairs: number N.

    Raises:
        InputError: there are fewer than :data:`FEWEST` pairs.
    """
    if pairs < FEWEST:
        raise InputError(f"{pairs} pairs: a test needs {FEWEST} or more; mark more utterances")
    return float(stats.binom.sf(wins - 1, pairs, 0.5))


def wins_needed(pairs: int, alpha: float) -> int:
    """Return the least number of wins whose p-value is at most α; one more than the pairs where none is.

    >>> wins_needed(20, 0.01)
    16

    Args:
        pairs: number N.
        alpha: level of the test.
    """
    return int((stats.binom.sf(np.arange(-1, pairs), pairs, 0.5) > alpha).sum())
