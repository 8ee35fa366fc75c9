"""The frame-level layers of ECAPA-TDNN (Desplanques et al., 2020, arXiv:2005.07143, section 3). RawNet3 shares its
pooling (:mod:`sanguinaria.victims._attentive_pooling`)."""

from __future__ import annotations

import torch
from torch import nn

# Groups of a Res2 convolution's channels (the scale, section 4.2), and hidden units of attention and excitation.
SCALE = 8
BOTTLENECK = 128
# Dilations of the three blocks (Figure 2).
DILATIONS = (2, 3, 4)
# Frames of the first layer's kernel, and channels of the aggregated blocks at most.
FIRST_KERNEL = 5
MAXIMUM_OUTPUTS = 1536


def convolution(inputs: int, outputs: int, kernel: int = 1, dilation: int = 1) -> nn.Module:
    """Build a 1-D convolution that keeps the number of frames, followed by ReLU and batch normalisation.

    Args:
        inputs: channels before the convolution.
        outputs: channels after it.
        kernel: size in frames, odd.
        dilation: in frames.

    Shape:
        - Input: (utterances, inputs, frames)
        - Output: (utterances, outputs, frames)

    Returns:
        The layers, in the order of their computation.
    """
    padding = dilation * (kernel - 1) // 2
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, kernel, dilation=dilation, padding=padding), nn.ReLU(), nn.BatchNorm1d(outputs)
    )


class Res2Convolution(nn.Module):
    """A Res2 convolution (Gao et al., 2019, arXiv:1904.01169) of eight groups of channels.

    The first group passes; each other group is convolved, from the third on with the output of the one before added.

    Shape:
        - Input: (utterances, channels, frames)
        - Output: the same
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.part = channels // SCALE
        self.convolutions = nn.ModuleList(
            convolution(self.part, self.part, kernel=3, dilation=dilation) for _ in range(SCALE - 1)
        )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        first, second, *rest = torch.split(inputs, self.part, 1)
        outputs = [first, self.convolutions[0](second)]
        for group, layer in zip(rest, list(self.convolutions)[1:], strict=True):
            outputs.append(layer(group + outputs[-1]))
        return torch.cat(outputs, 1)


class SqueezeExcitation(nn.Module):
    """Squeeze-excitation (Hu et al., 2018, arXiv:1709.01507): channels scaled by a function of their means over time.

    s·x with s = σ(W₂ ReLU(W₁ z + b₁) + b₂), Eq. 5 and 6 of the ECAPA-TDNN paper.

    Shape:
        - Input: (utterances, channels, frames)
        - Output: the same
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = min(BOTTLENECK, channels)
        self.weights = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels), nn.Sigmoid())

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        scaled: torch.Tensor = inputs * self.weights(inputs.mean(-1))[..., None]
        return scaled


class SERes2Block(nn.Module):
    """An SE-Res2Block (section 3.2).

    Shape:
        - Input: (utterances, channels, frames)
        - Output: the same
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            convolution(channels, channels),
            Res2Convolution(channels, dilation),
            convolution(channels, channels),
            SqueezeExcitation(channels),
        )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        residual: torch.Tensor = self.layers(inputs)
        return inputs + residual


class FrameLayers(nn.Module):
    """The first convolution, three blocks, and their aggregation (section 3.3).

    The input of each block is the sum of all outputs before it; the outputs of the blocks are concatenated, convolved
    and rectified.

    Shape:
        - Input: (utterances, bands, frames)
        - Output: (utterances, :attr:`outputs`, frames)
    """

    def __init__(self, bands: int, channels: int) -> None:
        super().__init__()
        self.outputs = min(len(DILATIONS) * channels, MAXIMUM_OUTPUTS)
        self.first = convolution(bands, channels, FIRST_KERNEL)
        self.blocks = nn.ModuleList(SERes2Block(channels, dilation) for dilation in DILATIONS)
        self.joined = nn.Conv1d(len(DILATIONS) * channels, self.outputs, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        total: torch.Tensor = self.first(inputs)
        outputs: list[torch.Tensor] = []
        for block in self.blocks:
            outputs.append(block(total))
            total = total + outputs[-1]
        return torch.relu(self.joined(torch.cat(outputs, 1)))
