"""Layers of SincNet beside its filters: a norm, absolute values, and the windowing of whole waveforms."""

from __future__ import annotations

from math import log

import torch
from torch import nn

from sanguinaria.nn.waveform_checks import check_length


class ChannelNorm(nn.Module):
    """Normalisation of each channel to mean 0 and variance 1 over time, with a scale and an offset of each element.

    Shape:
        - Input: (utterances, channels, times)
        - Output: the same
    """

    def __init__(self, channels: int, times: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, times))
        self.offset = nn.Parameter(torch.zeros(channels, times))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        normalised = nn.functional.layer_norm(inputs.float(), inputs.shape[-1:], eps=1e-6)
        return normalised * self.scale + self.offset


class AbsoluteValue(nn.Module):
    """Absolute values, element by element.

    Shape:
        - Input: any
        - Output: the same
    """

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.abs()


class WindowedClassifier(nn.Module):
    """A classifier of whole waveforms, made of a classifier of windows.

    In training it classifies one random window of each utterance. In evaluation it averages the probabilities of all
    windows, one every ``hop`` samples; the softmax of the logarithm of the average is the average.

    Shape:
        - Input: (utterances, 1, samples), with at least ``window`` samples
        - Output: log probabilities (utterances, labels)
    """

    def __init__(self, network: nn.Module, window: int, hop: int) -> None:
        """
        Args:
            network: from windows (utterances, 1, window) to logits (utterances, labels).
            window: in samples.
            hop: samples from window to window in evaluation.
        """
        super().__init__()
        self.network = network
        self.window = window
        self.hop = hop

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Classify utterances.

        Raises:
            InputError: they are shorter than a window.
        """
        check_length(inputs, self.window)
        last_start = inputs.shape[-1] - self.window
        if self.training:
            starts = torch.randint(last_start + 1, (len(inputs), 1, 1), device=inputs.device)
            return self._log_probabilities(inputs.gather(2, starts + torch.arange(self.window, device=inputs.device)))
        windows = (inputs[..., start : start + self.window] for start in range(0, last_start + 1, self.hop))
        log_probabilities = [self._log_probabilities(window) for window in windows]
        return torch.stack(log_probabilities).logsumexp(0) - log(len(log_probabilities))

    def _log_probabilities(self, windows: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(windows)
        return logits.float().log_softmax(-1)
