"""Keys: from a text to what it does in a network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

# At most so many draws for a key that is another.
DRAWS = 20

Convention = Literal["bits", "signs", "digits"]
# The characters of a key, and the factor of each in Eq. 1 of WAKE: the paper's, ±1, and its public code's.
FACTORS: dict[Convention, dict[str, float]] = {
    "bits": {"0": 0.0, "1": 1.0},
    "signs": {"0": -1.0, "1": 1.0},
    "digits": {str(digit): float(digit) for digit in range(1, 10)},
}


@dataclass(frozen=True)
class Key:
    """What keys do to a batch: a factor for each block, (utterances, blocks), and a sign for each cell, (utterances, 1,
    bins, frames)."""

    factors: torch.Tensor
    signs: torch.Tensor

    def expand(self, utterances: int) -> Key:
        """The one key for so many utterances."""
        return Key(self.factors.expand(utterances, -1), self.signs.expand(utterances, -1, -1, -1))

    def to(self, device: torch.device) -> Key:
        return Key(self.factors.to(device), self.signs.to(device))

    def same(self, other: Key) -> torch.Tensor:
        """Whether each utterance's key is the other's, (utterances,)."""
        return (self.factors == other.factors).all(1) & (self.signs == other.signs).flatten(1).all(1)

    def replaced(self, where: torch.Tensor, other: Key) -> Key:
        """The other's keys for some utterances, (utterances,)."""
        return Key(
            torch.where(where[:, None], other.factors, self.factors),
            torch.where(where[:, None, None, None], other.signs, self.signs),
        )


# From a count and the CPU's random numbers to so many keys.
RandomKeys = Callable[[int, torch.Generator], Key]


def different_keys(random_keys: RandomKeys, others: Sequence[Key], utterances: int, generator: torch.Generator) -> Key:
    """So many keys, none of which an utterance has already, as far as there are any: short keys meet by chance."""
    found = random_keys(utterances, generator)
    for _ in range(DRAWS if others else 0):
        taken = torch.stack([found.same(other) for other in others]).any(0)
        if not taken.any():
            break
        found = found.replaced(taken, random_keys(utterances, generator))
    return found


def neighbours(key: Key, others: Key, generator: torch.Generator) -> Key:
    """Keys that have one factor from another, at a place that is drawn; the others where that changes nothing."""
    places = torch.randint(key.factors.shape[1], (len(key.factors), 1), generator=generator)
    factors = key.factors.scatter(1, places, others.factors.gather(1, places))
    changed = (factors != key.factors).any(1)
    return others.replaced(changed, Key(factors, key.signs))


def plain_key(utterances: int, blocks: int) -> Key:
    """No key: every factor and every sign is 1."""
    return Key(torch.ones(utterances, blocks), torch.ones(utterances, 1, 1, 1))


def block_key(text: str, convention: Convention) -> Key:
    """WAKE's: a factor for each block from each character."""
    factors = torch.tensor([[FACTORS[convention][character] for character in text]])
    return Key(factors, torch.ones(1, 1, 1, 1))


def random_block_keys(utterances: int, blocks: int, convention: Convention, generator: torch.Generator) -> Key:
    """So many keys, drawn evenly; the one that would mark nothing, all 0, gets a 1."""
    choices = torch.tensor(list(FACTORS[convention].values()))
    factors = choices[torch.randint(len(choices), (utterances, blocks), generator=generator)]
    silent = ~factors.any(1)
    factors[silent, torch.randint(blocks, (int(silent.sum()),), generator=generator)] = 1.0
    return Key(factors, torch.ones(utterances, 1, 1, 1))


def mask_key(text: str, blocks: int, bins: int, frames: int, period: int) -> Key:
    """A sign for each cell from the SHAKE-256 digest of the text, the same again after ``period`` frames."""
    cells = bins * period
    digest = hashlib.shake_256(text.encode()).digest((cells + 7) // 8)
    bits = [digest[cell // 8] >> (cell % 8) & 1 for cell in range(cells)]
    signs = (torch.tensor(bits, dtype=torch.float32) * 2 - 1).reshape(1, 1, bins, period)
    return Key(torch.ones(1, blocks), _repeated(signs, frames))


def random_mask_keys(
    utterances: int, blocks: int, bins: int, frames: int, period: int, generator: torch.Generator
) -> Key:
    """So many keys of signs that are as random as a hash's."""
    signs = torch.randint(2, (utterances, 1, bins, period), generator=generator) * 2.0 - 1
    return Key(torch.ones(utterances, blocks), _repeated(signs, frames))


def _repeated(signs: torch.Tensor, frames: int) -> torch.Tensor:
    return signs.repeat(1, 1, 1, -(-frames // signs.shape[-1]))[..., :frames]
