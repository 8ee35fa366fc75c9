"""A surrogate of a victim: a small classifier of marked and clean log-mel spectrograms, for the training of generators.

The gradient of its cross-entropy leads the generator to a mark that a model trained on spectrograms can learn.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from sanguinaria.core.devices import in_float32
from sanguinaria.front_ends.log_mel import LogMel

CHANNELS = (16, 32, 64)


class Surrogate(nn.Module):
    """Three strided convolutions on log-mel spectrograms, global average pooling, and a linear layer.

    Args:
        sample_rate: of the audio, in Hz.
        device: where it computes.

    Shape:
        - Input: (utterances, samples)
        - Output: logits of unmarked and marked, (utterances, 2)
    """

    def __init__(self, sample_rate: int, device: torch.device) -> None:
        super().__init__()
        settings = LogMel()
        self.spectrogram: Callable[[torch.Tensor], torch.Tensor] = in_float32(settings.transform(sample_rate, device))
        layers: list[nn.Module] = [nn.BatchNorm1d(settings.bands), nn.Unflatten(1, (1, settings.bands))]
        for inputs, outputs in zip((1, *CHANNELS), CHANNELS, strict=False):
            layers += [nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS[-1], 2))
        self.to(device)

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Classify waveforms."""
        logits: torch.Tensor = self.layers(self.spectrogram(waveforms))
        return logits.float()
