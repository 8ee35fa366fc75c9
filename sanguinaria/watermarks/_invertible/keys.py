"""Keys as an invertible network uses them, and random keys for training and calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

# Draws after which a key that an utterance already has is accepted.
MAXIMUM_DRAWS = 20


@dataclass(frozen=True)
class Key:
    """The effect of a batch of keys on the network.

    Attributes:
        factors: k of WAKE's Eq. 1, a factor for each invertible block, (utterances, blocks).
        signs: ±1 for each cell of the spectrum, by which the host is multiplied, (utterances, 1, bins, frames).
    """

    factors: torch.Tensor
    signs: torch.Tensor

    def expand(self, utterances: int) -> Key:
        """Return one key, repeated for each utterance."""
        return Key(self.factors.expand(utterances, -1), self.signs.expand(utterances, -1, -1, -1))

    def to(self, device: torch.device) -> Key:
        """Return the keys on a device."""
        return Key(self.factors.to(device), self.signs.to(device))

    def equals(self, other: Key) -> torch.Tensor:
        """Return whether the key of each utterance equals the other key, (utterances,)."""
        return (self.factors == other.factors).all(1) & (self.signs == other.signs).flatten(1).all(1)

    def replaced(self, mask: torch.Tensor, other: Key) -> Key:
        """Return the other keys where the mask, (utterances,), is true, and these elsewhere."""
        return Key(
            torch.where(mask[:, None], other.factors, self.factors),
            torch.where(mask[:, None, None, None], other.signs, self.signs),
        )


# Draws a number of random keys, by the CPU's random generator.
KeySampler = Callable[[int, torch.Generator], Key]


def sample_distinct_keys(
    sample_keys: KeySampler, excluded: Sequence[Key], utterances: int, generator: torch.Generator
) -> Key:
    """Draw a key for each utterance that is none of its excluded keys.

    Short keys coincide by chance, and are drawn again up to :data:`MAXIMUM_DRAWS` times: where there is only one key,
    it is returned.

    Args:
        sample_keys: draws keys.
        excluded: batches of keys, (utterances, …) each.
        utterances: size of the batch.
        generator: the CPU's.
    """
    keys = sample_keys(utterances, generator)
    for _ in range(MAXIMUM_DRAWS if excluded else 0):
        collisions = torch.stack([keys.equals(other) for other in excluded]).any(0)
        if not collisions.any():
            break
        keys = keys.replaced(collisions, sample_keys(utterances, generator))
    return keys


def near_keys(key: Key, others: Key, generator: torch.Generator) -> Key:
    """Return keys at Hamming distance 1: in one random block, the factor is that of the other key.

    Where both keys have the same factor in this block, the other key is returned.

    Args:
        key: of each utterance.
        others: another key for each utterance.
        generator: the CPU's; it draws the block.
    """
    blocks = torch.randint(key.factors.shape[1], (len(key.factors), 1), generator=generator)
    factors = key.factors.scatter(1, blocks, others.factors.gather(1, blocks))
    changed = (factors != key.factors).any(1)
    return others.replaced(changed, Key(factors, key.signs))


def identity_key(utterances: int, blocks: int) -> Key:
    """Return the key without effect, of which all factors and signs are 1."""
    return Key(torch.ones(utterances, blocks), torch.ones(utterances, 1, 1, 1))
