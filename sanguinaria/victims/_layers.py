"""Layers that the networks of several victims share."""

from __future__ import annotations

import torch
from torch import nn


class Residual(nn.Module):
    """A residual block: max(0, body(x) + shortcut(x)) (He et al., 2016, arXiv:1512.03385, Eq. 1–2).

    Shape:
        - Input: any that body and shortcut take
        - Output: that of both
    """

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.body(inputs) + self.shortcut(inputs))


class HiddenStates(nn.Module):
    """The hidden states of an LSTM's last layer.

    Shape:
        - Input: (utterances, frames, features)
        - Output: (utterances, hidden, frames)
    """

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.lstm = lstm

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.lstm(inputs)[0]
        return outputs.transpose(1, 2)


class LastFrame(nn.Module):
    """The features of the last frame.

    Shape:
        - Input: (utterances, channels, frames)
        - Output: (utterances, channels)
    """

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs[..., -1]


class Transpose(nn.Module):
    """The last two dimensions swapped.

    Shape:
        - Input: (utterances, a, b)
        - Output: (utterances, b, a)
    """

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.transpose(1, 2)


def spectrogram_input(bands: int) -> list[nn.Module]:
    """Return the first layers of a network of pictures: each band normalised, and one channel.

    Together they map spectrograms (utterances, bands, frames) to (utterances, 1, bands, frames).
    """
    return [nn.BatchNorm1d(bands), nn.Unflatten(1, (1, bands))]


def convolution_and_norm(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """Return a 2-D convolution without bias, padded by half its kernel, and batch normalisation.

    Together they map (utterances, inputs, bands, frames) to (utterances, outputs, bands / stride, frames / stride).

    Args:
        inputs: channels before the convolution.
        outputs: channels after it.
        kernel: size in bands and frames, odd.
        stride: in bands and frames.
    """
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(outputs)]


def residual_block(body: list[nn.Module], inputs: int, outputs: int, stride: int) -> Residual:
    """Return a residual block whose shortcut is the identity, or a convolution where the shape changes.

    Args:
        body: layers from (utterances, inputs, bands, frames) to (utterances, outputs, bands / stride, frames / stride).
        inputs: channels before the block.
        outputs: channels after it.
        stride: of the body.
    """
    if inputs == outputs and stride == 1:
        return Residual(nn.Sequential(*body), nn.Identity())
    return Residual(nn.Sequential(*body), nn.Sequential(*convolution_and_norm(inputs, outputs, 1, stride)))
