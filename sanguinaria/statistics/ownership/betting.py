"""Pairs one after the other, by betting: an e-value that is valid whenever one stops.

A unit of wealth is bet on each pair: it is multiplied by 2π if the published copy wins, and by 2(1 − π) if not, where π
is fixed by the pairs before (Shafer and Vovk, 2019; Waudby-Smith and Ramdas, 2024). For a model that does not depend on
the data the wealth is a martingale of mean 1, so that it ever reaches 1/α with probability at most α (Ville, 1939).

π is the mean of the win rate given the pairs before, under a uniform prior on (½, 1). The wealth then depends on the
numbers of wins and losses alone, so that a verification that broke off is resumed from these.
"""

from __future__ import annotations

from math import log

import numpy as np
from scipy import special


def bet(wins: int, losses: int) -> float:
    """Compute the share π in [½, 1) that is bet on the next pair.

    >>> bet(0, 0)
    0.75

    Args:
        wins: pairs so far whose published copy had the higher score.
        losses: the other pairs so far.
    """
    with_win, without = _log_mass(wins + 1, losses), _log_mass(wins, losses)
    return float(np.exp(with_win - without)) if np.isfinite(without) else 0.5


def log_e_value(wins: int, losses: int) -> float:
    """Compute the natural logarithm of the e-value, 2ⁿ⁺¹ ∫ qʷ (1 − q)ˡ dq over (½, 1) with n = w + l.

    >>> round(log_e_value(1, 0), 6) == round(log(2 * bet(0, 0)), 6)
    True

    Args:
        wins: number w of pairs whose published copy had the higher score.
        losses: number l of the other pairs.
    """
    return float((wins + losses + 1) * log(2) + _log_mass(wins, losses))


def stopping_pair(wins: np.ndarray, alpha: float) -> int | None:
    """Return after how many pairs the e-value first reaches 1/α; ``None`` where it does not.

    >>> stopping_pair(np.ones(20, bool), 0.01)
    9

    Args:
        wins: whether the published copy won, in the order of the pairs, (pairs,).
        alpha: level of the test.
    """
    won = np.cumsum(wins)
    numbers = np.arange(1, len(won) + 1)
    log_wealth = (numbers + 1) * log(2) + _log_mass(won, numbers - won)
    reached = np.flatnonzero(log_wealth >= log(1 / alpha))
    return int(numbers[reached[0]]) if len(reached) else None


def _log_mass(wins: np.ndarray | int, losses: np.ndarray | int) -> np.ndarray:
    """Natural logarithm of ∫ qʷ (1 − q)ˡ dq over (½, 1); −∞ where it is below the least number."""
    wins, losses = np.asarray(wins, dtype=float), np.asarray(losses, dtype=float)
    with np.errstate(divide="ignore"):
        mass: np.ndarray = special.betaln(wins + 1, losses + 1) + np.log(special.betaincc(wins + 1, losses + 1, 0.5))
    return mass
