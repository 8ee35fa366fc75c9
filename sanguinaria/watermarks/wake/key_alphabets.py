"""Characters of WAKE's keys and their factors; without torch, as configurations are checked with it."""

from __future__ import annotations

from typing import Literal

Alphabet = Literal["bits", "signs", "digits"]
# The characters of a key, and the factor of each in Eq. 1 of WAKE: the paper's, ±1, and its public code's.
FACTORS: dict[Alphabet, dict[str, float]] = {
    "bits": {"0": 0.0, "1": 1.0},
    "signs": {"0": -1.0, "1": 1.0},
    "digits": {str(digit): float(digit) for digit in range(1, 10)},
}


def key_problem(key: str | None, blocks: int, alphabet: Alphabet) -> str | None:
    """Return why a key is invalid and how to correct it, or ``None`` for a valid key.

    Args:
        key: a character for each block; ``None`` where none is given.
        blocks: of the invertible network.
        alphabet: of the key.

    >>> key_problem("101", 3, "bits") is None
    True
    >>> key_problem("12", 3, "bits")
    "give a key of 3 times 0 or 1, one for each block, not '12'"
    """
    factors = FACTORS[alphabet]
    characters = "digits from 1 to 9" if alphabet == "digits" else "times 0 or 1"
    if key is None or len(key) != blocks or not set(key) <= set(factors):
        return f"give a key of {blocks} {characters}, one for each block, not {key!r}"
    if not any(factors[character] for character in key):
        return f"the key {key!r} marks nothing, as each of its factors is 0: give one with a 1 in it"
    return None
