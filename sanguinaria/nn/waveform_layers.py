"""Small modules of the networks that hear waveforms."""

from __future__ import annotations

from math import log

import torch
from torch import nn

from sanguinaria.core.errors import InputError


def check_length(inputs: torch.Tensor, window: int) -> None:
    """Whether waveforms (utterances, 1, samples) are long enough for a window.

    Raises:
        InputError: they are not.
    """
    if inputs.shape[-1] < window:
        raise InputError(
            f"the utterances have {inputs.shape[-1]:,} samples, fewer than one window of {window:,}: "
            "use longer utterances, or a shorter window"
        )


class ChannelNorm(nn.Module):
    """Each channel without its mean and at unit variance over time, scaled and moved by a factor and a summand of every
    channel and time: (utterances, channels, times) → the same."""

    def __init__(self, channels: int, times: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, times))
        self.offset = nn.Parameter(torch.zeros(channels, times))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        normalised = nn.functional.layer_norm(inputs.float(), inputs.shape[-1:], eps=1e-6)
        return normalised * self.scale + self.offset


class Magnitude(nn.Module):
    """Absolute values."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.abs()


class Windows(nn.Module):
    """A network of windows, as one of whole waveforms: (utterances, 1, samples) → log probabilities (utterances,
    labels).

    Training hears one random window of each utterance. Otherwise all windows are heard, one every ``hop`` samples, and
    their probabilities averaged; the logarithm of the average is what a softmax gives back.
    """

    def __init__(self, network: nn.Module, window: int, hop: int) -> None:
        super().__init__()
        self.network = network
        self.window = window
        self.hop = hop

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        check_length(inputs, self.window)
        last = inputs.shape[-1] - self.window
        if self.training:
            starts = torch.randint(last + 1, (len(inputs), 1, 1), device=inputs.device)
            return self._answers(inputs.gather(2, starts + torch.arange(self.window, device=inputs.device)))
        answers = [self._answers(inputs[..., a : a + self.window]) for a in range(0, last + 1, self.hop)]
        return torch.stack(answers).logsumexp(0) - log(len(answers))

    def _answers(self, windows: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(windows)
        return logits.float().log_softmax(-1)
