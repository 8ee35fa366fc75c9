"""Keys of code division: a pseudo-random sign for each cell of the spectrum."""

from __future__ import annotations

import hashlib

import torch

from sanguinaria.watermarks._invertible.keys import Key


def mask_key(text: str, *, blocks: int, bins: int, frames: int, period: int) -> Key:
    """Return the key of a text: a sign for each cell from its SHAKE-256 digest, repeated every ``period`` frames.

    Args:
        text: the key, any text.
        blocks: of the invertible network; the factor of each is 1.
        bins: of the spectrum.
        frames: of the spectrum.
        period: in frames.
    """
    cells = bins * period
    digest = hashlib.shake_256(text.encode()).digest((cells + 7) // 8)
    bits = [digest[cell // 8] >> (cell % 8) & 1 for cell in range(cells)]
    signs = (torch.tensor(bits, dtype=torch.float32) * 2 - 1).reshape(1, 1, bins, period)
    return Key(torch.ones(1, blocks), _repeated(signs, frames))


def random_mask_keys(
    utterances: int, generator: torch.Generator, *, blocks: int, bins: int, frames: int, period: int
) -> Key:
    """Draw keys of uniform random signs, repeated every ``period`` frames.

    Args:
        utterances: number of keys.
        generator: the CPU's.
        blocks: of the invertible network; the factor of each is 1.
        bins: of the spectrum.
        frames: of the spectrum.
        period: in frames.
    """
    signs = torch.randint(2, (utterances, 1, bins, period), generator=generator) * 2.0 - 1
    return Key(torch.ones(utterances, blocks), _repeated(signs, frames))


def _repeated(signs: torch.Tensor, frames: int) -> torch.Tensor:
    """Repeat signs (…, period) over time, (…, frames)."""
    return signs.repeat(1, 1, 1, -(-frames // signs.shape[-1]))[..., :frames]
