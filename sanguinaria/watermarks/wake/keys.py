"""WAKE's keys: one character for each invertible block (section 2.1.1)."""

from __future__ import annotations

import torch

from sanguinaria.watermarks._invertible.keys import Key
from sanguinaria.watermarks.wake.key_alphabets import FACTORS, Alphabet


def block_key(text: str, alphabet: Alphabet) -> Key:
    """Return the key of a text, with a factor for each block from each character."""
    factors = torch.tensor([[FACTORS[alphabet][character] for character in text]])
    return Key(factors, torch.ones(1, 1, 1, 1))


def random_block_keys(utterances: int, blocks: int, alphabet: Alphabet, generator: torch.Generator) -> Key:
    """Draw uniform keys; in one of zeros alone, which would leave the host unmarked, one random factor becomes 1.

    Args:
        utterances: number of keys.
        blocks: of the invertible network.
        alphabet: from whose factors each block's is drawn.
        generator: the CPU's.
    """
    choices = torch.tensor(list(FACTORS[alphabet].values()))
    factors = choices[torch.randint(len(choices), (utterances, blocks), generator=generator)]
    all_zero = ~factors.any(1)
    factors[all_zero, torch.randint(blocks, (int(all_zero.sum()),), generator=generator)] = 1.0
    return Key(factors, torch.ones(utterances, 1, 1, 1))
