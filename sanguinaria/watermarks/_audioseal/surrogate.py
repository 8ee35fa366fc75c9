"""Surrogates of a victim: small classifiers of marked and clean log-mel spectrograms, for the training of generators.

The gradient of their cross-entropy leads the generator to a mark that a model trained on spectrograms can learn. A
surrogate with the victim's own front end is a white box; an ensemble of other front ends assumes less of the victim.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from sanguinaria.core.devices import in_float32
from sanguinaria.front_ends.log_mel import LogMel

CHANNELS = (16, 32, 64)
DEFAULT = LogMel()


class Surrogates(nn.Module):
    """A surrogate for each of several front ends.

    Args:
        sample_rate: of the audio, in Hz.
        device: where they compute.
        front_ends: of the surrogates; empty for one with the default front end.

    Shape:
        - Input: (utterances, samples)
        - Output: (surrogates · utterances, 2), the logits of one surrogate after those of another
    """

    def __init__(self, sample_rate: int, device: torch.device, front_ends: Sequence[LogMel] = ()) -> None:
        super().__init__()
        self.surrogates = nn.ModuleList(Surrogate(sample_rate, device, each) for each in front_ends or (DEFAULT,))

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Classify waveforms."""
        return torch.cat([surrogate(waveforms) for surrogate in self.surrogates])


def surrogate_loss(logits: torch.Tensor, marked: torch.Tensor) -> torch.Tensor:
    """Compute the mean cross-entropy of surrogates.

    Args:
        logits: as :class:`Surrogates` returns them.
        marked: whether each utterance is marked, class indices (utterances,).
    """
    return cross_entropy(logits, marked.repeat(len(logits) // len(marked)))


class Surrogate(nn.Module):
    """Three strided convolutions on log-mel spectrograms, global average pooling, and a linear layer.

    Args:
        sample_rate: of the audio, in Hz.
        device: where it computes.
        settings: of the spectrograms.

    Shape:
        - Input: (utterances, samples)
        - Output: logits of unmarked and marked, (utterances, 2)
    """

    def __init__(self, sample_rate: int, device: torch.device, settings: LogMel = DEFAULT) -> None:
        super().__init__()
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
