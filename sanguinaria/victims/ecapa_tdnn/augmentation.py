"""Distortions of what a network is trained on, as its first layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from sanguinaria.distortions._attack_layer import build_attack_layer


class Augmentation(nn.Module):
    """In training one of the distortions happens to each utterance, or, with a probability, none; otherwise nothing
    does: waveforms (utterances, 1, samples) → the same, float32.

    Not one to each batch: the running statistics of a batch normalisation would be those of the last few distortions.
    What is random is drawn from torch's own generator of the CPU, which a training seeds at every epoch.
    """

    def __init__(self, distortions: Sequence[str], sample_rate: int, untouched: float) -> None:
        """``distortions`` are settings as text (:func:`sanguinaria.distortions.to_text`)."""
        super().__init__()
        self.distort = build_attack_layer(distortions, sample_rate, untouched)

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        waveforms = waveforms.float()
        if not self.training:
            return waveforms
        with torch.autocast(waveforms.device.type, enabled=False):
            rows = (self.distort(row, torch.default_generator) for row in torch.split(waveforms[:, 0], 1))
            return torch.cat(list(rows))[:, None]
