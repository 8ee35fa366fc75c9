"""What networks are trained on and asked."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Examples:
    """Spectrograms (utterances, bands, frames), half precision, and the positions of their labels (utterances,)."""

    spectrograms: torch.Tensor
    labels: torch.Tensor


def no_examples(bands: int) -> Examples:
    """Examples of no utterance: spectrograms (0, bands, 0)."""
    return Examples(torch.empty(0, bands, 0, dtype=torch.float16), torch.empty(0, dtype=torch.long))


def blank(bands: int, device: torch.device) -> torch.Tensor:
    """A spectrogram of zeros (1, bands, 64): what a network is tried with where only its shapes matter."""
    return torch.zeros(1, bands, 64, device=device)
