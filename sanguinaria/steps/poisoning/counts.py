"""Numbers of poisoned utterances and of cover samples."""

from __future__ import annotations

from sanguinaria.core.errors import InputError


def poisoned_count(rate: float, total: int) -> int:
    """Return the number of poisoned utterances, round(ρN).

    >>> poisoned_count(0.01, 250)
    2

    Args:
        rate: poisoning rate ρ.
        total: number N of training utterances.

    Raises:
        InputError: it is 0; the message has the lowest rate that poisons one.
    """
    count = round(rate * total)
    if count == 0:
        raise InputError(
            f"a rate of {rate:g} poisons none of {total} training utterances: "
            f"use a rate of at least {1 / total:.2g}, or a larger corpus"
        )
    return count


def cover_count(rate: float, total: int, covers: int) -> int:
    """Return the number of cover samples.

    Args:
        rate: share of the training utterances that are cover samples.
        total: number of training utterances.
        covers: number of cover triggers, each of which needs a sample.

    Raises:
        InputError: it is less than the number of cover triggers; the message has the lowest rate that is not.
    """
    count = round(rate * total)
    if count < covers:
        raise InputError(
            f"a cover_rate of {rate:g} makes {count} covers of {total} training utterances, fewer than the number of "
            f"cover triggers ({covers}): use a rate of at least {covers / total:.2g}"
        )
    return count
