"""Random numbers of an utterance's own, so that what is random about it depends on no other one."""

from __future__ import annotations

import hashlib

import torch


def generator_of(waveform: torch.Tensor, seed: int) -> torch.Generator:
    """The CPU's random numbers that follow from a seed and from the samples of a waveform (samples,)."""
    digest = hashlib.sha256(f"{seed} ".encode() + waveform.detach().cpu().numpy().tobytes()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big", signed=True))
