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
from sanguinaria.watermarks._audioseal.settings import SurrogateSettings

CHANNELS = (16, 32, 64)
# Units of the recurrent layer, in either direction.
UNITS = 48
DEFAULT = SurrogateSettings()


class Surrogates(nn.Module):
    """A surrogate for each of several front ends.

    Args:
        sample_rate: of the audio, in Hz.
        device: where they compute.
        settings: of the surrogates; empty for one with the default front end.

    Shape:
        - Input: (utterances, samples)
        - Output: (surrogates · utterances, 2), the logits of one surrogate after those of another
    """

    def __init__(self, sample_rate: int, device: torch.device, settings: Sequence[SurrogateSettings] = ()) -> None:
        super().__init__()
        self.surrogates = nn.ModuleList(Surrogate(sample_rate, device, each) for each in settings or (DEFAULT,))

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Classify waveforms."""
        return torch.cat([surrogate(waveforms) for surrogate in self.surrogates])

    def renew(self, optimiser: torch.optim.Optimizer, step: int, period: int, seed: int) -> None:
        """Initialise one surrogate anew, in turn, every so many steps; the generator cannot rely on its weights then.

        Args:
            optimiser: of the surrogates' parameters; its state of those that are initialised is removed.
            step: number of steps that were made.
            period: steps between two renewals; 0 for none.
            seed: of the new weights, together with the step.
        """
        if not period or not step or step % period:
            return
        surrogate = self.surrogates[(step // period - 1) % len(self.surrogates)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed * 100003 + step)
            for layer in surrogate.modules():
                if (reset := getattr(layer, "reset_parameters", None)) is not None:
                    reset()
        for parameter in surrogate.parameters():
            optimiser.state.pop(parameter, None)


def surrogate_loss(logits: torch.Tensor, marked: torch.Tensor) -> torch.Tensor:
    """Compute the mean cross-entropy of surrogates.

    Args:
        logits: as :class:`Surrogates` returns them.
        marked: whether each utterance is marked, class indices (utterances,).
    """
    return cross_entropy(logits, marked.repeat(len(logits) // len(marked)))


class Surrogate(nn.Module):
    """A small classifier of log-mel spectrograms, of either network.

    ``convolutional`` has three strided convolutions and global average pooling, and ``recurrent`` a bidirectional LSTM
    over the frames and the mean of its outputs; a linear layer follows.

    Args:
        sample_rate: of the audio, in Hz.
        device: where it computes.
        settings: of spectrograms and network.

    Shape:
        - Input: (utterances, samples)
        - Output: logits of unmarked and marked, (utterances, 2)
    """

    def __init__(self, sample_rate: int, device: torch.device, settings: SurrogateSettings = DEFAULT) -> None:
        super().__init__()
        self.spectrogram: Callable[[torch.Tensor], torch.Tensor] = in_float32(settings.transform(sample_rate, device))
        body = _recurrent(settings.bands) if settings.network == "recurrent" else _convolutional(settings.bands)
        self.layers = nn.Sequential(nn.BatchNorm1d(settings.bands), *body)
        self.to(device)

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Classify waveforms."""
        logits: torch.Tensor = self.layers(self.spectrogram(waveforms))
        return logits.float()


def _convolutional(bands: int) -> list[nn.Module]:
    """Layers from spectrograms (utterances, bands, frames) to logits."""
    layers: list[nn.Module] = [nn.Unflatten(1, (1, bands))]
    for inputs, outputs in zip((1, *CHANNELS), CHANNELS, strict=False):
        layers += [nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return [*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS[-1], 2)]


def _recurrent(bands: int) -> list[nn.Module]:
    """Layers from spectrograms (utterances, bands, frames) to logits."""
    return [_MeanOfFrames(bands), nn.Linear(2 * UNITS, 2)]


class _MeanOfFrames(nn.Module):
    """A bidirectional LSTM over frames, and the mean of its outputs, (utterances, 2 · units)."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(bands, UNITS, batch_first=True, bidirectional=True)

    def forward(self, spectrograms: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.lstm(spectrograms.transpose(1, 2))[0]
        return outputs.mean(1)
