"""Random numbers of an utterance's own, so that what is random about it depends on no other one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def utterance_generator(waveform: torch.Tensor, seed: int) -> torch.Generator:
    """The CPU's random numbers that follow from a seed and from the samples of a waveform (samples,)."""
    import torch

    digest = hashlib.sha256(f"{seed} ".encode() + waveform.detach().cpu().numpy().tobytes()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big", signed=True))


def random_order(utterance_ids: Iterable[str], seed: int) -> list[str]:
    """A uniformly random order of utterances: by a keyed hash of each name.

    So the order of two utterances depends on nothing else in the corpus, and the first k of it are nested for every k.
    """
    key = f"poison order {seed}".encode()
    return sorted(utterance_ids, key=lambda name: hashlib.blake2b(name.encode(), key=key, digest_size=16).digest())
