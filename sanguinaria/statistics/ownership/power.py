"""Power of ownership tests: the chance that a claim is confirmed, by the rate of hits or wins."""

from __future__ import annotations

from scipy import stats

from sanguinaria.statistics.ownership.pairs import FEWEST, wins_needed
from sanguinaria.statistics.ownership.random_labels import hits_needed


def random_labels_power(marks: int, labels: int, hit_rate: float, alpha: float) -> float:
    """Compute the chance that p ≤ α with marks of random labels.

    >>> round(random_labels_power(20, 10, 0.5, 0.001), 3)
    0.868

    Args:
        marks: number m.
        labels: number L.
        hit_rate: chance that a mark's most lifted label is its own.
        alpha: level of the test.
    """
    return float(stats.binom.sf(hits_needed(marks, labels, alpha) - 1, marks, hit_rate))


def pairs_power(pairs: int, win_rate: float, alpha: float) -> float:
    """Compute the chance that p ≤ α with pairs.

    Args:
        pairs: number N.
        win_rate: chance that the published copy has the higher score.
        alpha: level of the test.
    """
    return float(stats.binom.sf(wins_needed(pairs, alpha) - 1, pairs, win_rate))


def pairs_needed(win_rate: float, alpha: float, power: float, most: int = 100_000) -> int | None:
    """Return the least number of pairs with a power; ``None`` where it is above ``most``.

    As numbers of wins are whole, a few more pairs may have a slightly lower power again.

    >>> [pairs_needed(rate, 0.01, 0.8) for rate in (0.6, 0.7, 0.8, 0.9)]
    [252, 64, 27, 14]

    Args:
        win_rate: chance that the published copy has the higher score.
        alpha: level of the test.
        power: chance that p ≤ α.
        most: largest number that is tried.
    """
    return next((pairs for pairs in range(FEWEST, most) if pairs_power(pairs, win_rate, alpha) >= power), None)
