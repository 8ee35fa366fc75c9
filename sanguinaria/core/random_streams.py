"""Random streams that depend on one utterance alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def utterance_generator(waveform: torch.Tensor, seed: int) -> torch.Generator:
    """Return a generator of the CPU whose state follows from a seed and from the samples of a waveform (samples,)."""
    import torch

    digest = hashlib.sha256(f"{seed} ".encode() + waveform.detach().cpu().numpy().tobytes()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big", signed=True))


def random_order(utterance_ids: Iterable[str], seed: int) -> list[str]:
    """Return utterances in a uniformly random order: sorted by a keyed hash of each name.

    The relative order of two utterances does not depend on the rest of the corpus, and the first k utterances are
    nested for all k.

    >>> random_order(["a", "b", "c"], seed=0) == [name for name in random_order("abcd", seed=0) if name != "d"]
    True
    """
    key = f"poison order {seed}".encode()
    return sorted(utterance_ids, key=lambda name: hashlib.blake2b(name.encode(), key=key, digest_size=16).digest())


def sample(utterance_ids: Iterable[str], maximum: int) -> list[str]:
    """Return a random sample of utterances, sorted: all of them, or so many; the same from any order of them.

    >>> sample("dcba", 9), len(sample("dcba", 2)), set(sample("dcba", 2)) <= set(sample("dcba", 3))
    (['a', 'b', 'c', 'd'], 2, True)
    """
    return sorted(random_order(utterance_ids, seed=0)[:maximum])
