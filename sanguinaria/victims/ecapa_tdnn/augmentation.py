"""Augmentation of the training audio by distortions, as the first layer of a network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from sanguinaria.core.references import Reference
from sanguinaria.distortions._attack_layer import build_attack_layer


class Augmentation(nn.Module):
    """One random distortion of each utterance in training, in float32; the identity in evaluation.

    Each utterance has a distortion of its own, not each batch: else the running statistics of batch normalisation would
    be those of the last few distortions. The random numbers are those of torch's default generator of the CPU, which
    the training seeds at every epoch.

    Shape:
        - Input: (utterances, 1, samples)
        - Output: the same
    """

    def __init__(self, distortions: Sequence[Reference], sample_rate: int, undistorted_share: float) -> None:
        """
        Args:
            distortions: references of a specification.
            sample_rate: in Hz.
            undistorted_share: the probability that an utterance has no distortion.
        """
        super().__init__()
        self.distort = build_attack_layer(distortions, sample_rate, undistorted_share)

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        waveforms = waveforms.float()
        if not self.training:
            return waveforms
        with torch.autocast(waveforms.device.type, enabled=False):
            utterances = (self.distort(row, torch.default_generator) for row in torch.split(waveforms[:, 0], 1))
            return torch.cat(list(utterances))[:, None]
