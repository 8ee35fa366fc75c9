"""Random choice of the utterances that are marked."""

from __future__ import annotations

from collections.abc import Iterable

from sanguinaria.core.errors import InputError
from sanguinaria.core.keyed_random import KeyedRandom


def draw_utterances(utterance_ids: Iterable[str], share: float, multiple: int, random: KeyedRandom) -> list[str]:
    """Return a share of the utterances in a random order, as many for each of several keys.

    Args:
        utterance_ids: that may be marked.
        share: of these.
        multiple: number of keys, of which the number of utterances is a multiple.
        random: draws of the owner.

    Raises:
        InputError: the share is less than one utterance for each key.
    """
    order = random.order("utterances", utterance_ids)
    count = int(share * len(order) + 1e-9) // multiple * multiple
    if not count:
        raise InputError(
            f"a share of {share:g} of {len(order)} utterances is less than one for each of {multiple} marks; raise "
            "`share`, or give fewer marks"
        )
    return order[:count]
