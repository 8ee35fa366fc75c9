"""The parts of ECAPA-TDNN (Desplanques et al., 2020, arXiv:2005.07143, section 3) but for its pooling, which RawNet3
has, too (:class:`sanguinaria.victims.rawnet3.layers.AttentivePooling`)."""

from __future__ import annotations

import torch
from torch import nn

# Parts of a block's channels (section 4.2), and the numbers of the bottlenecks of attention and of excitation.
PARTS = 8
BOTTLENECK = 128
# Of the three blocks (Figure 2).
DILATIONS = (2, 3, 4)
# Frames of the first layer's kernel, and channels of the joined blocks at most.
FIRST_KERNEL = 5
MOST_JOINED = 1536


def convolved(inputs: int, outputs: int, kernel: int = 1, dilation: int = 1) -> nn.Module:
    """A convolution that keeps the number of frames, ReLU, and normalisation: (utterances, inputs, frames) →
    (utterances, outputs, frames)."""
    padding = dilation * (kernel - 1) // 2
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, kernel, dilation=dilation, padding=padding), nn.ReLU(), nn.BatchNorm1d(outputs)
    )


class PartwiseConvolution(nn.Module):
    """Channels in eight parts, of which the first passes, and each other one is convolved with what the one before
    became (Gao et al., 2019, arXiv:1904.01169): (utterances, channels, frames) → the same."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.part = channels // PARTS
        self.convolutions = nn.ModuleList(
            convolved(self.part, self.part, kernel=3, dilation=dilation) for _ in range(PARTS - 1)
        )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        first, second, *others = torch.split(inputs, self.part, 1)
        heard = [first, self.convolutions[0](second)]
        for part, convolution in zip(others, list(self.convolutions)[1:], strict=True):
            heard.append(convolution(part + heard[-1]))
        return torch.cat(heard, 1)


class SqueezeExcitation(nn.Module):
    """Channels weighted by what their means over time say (Hu et al., 2018, arXiv:1709.01507): s·x with
    s = σ(W₂ ReLU(W₁ z + b₁) + b₂), Eq. 5 and 6 of the paper: (utterances, channels, frames) → the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = min(BOTTLENECK, channels)
        self.weights = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels), nn.Sigmoid())

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        scaled: torch.Tensor = inputs * self.weights(inputs.mean(-1))[..., None]
        return scaled


class Block(nn.Module):
    """An SE-Res2Block (section 3.2): (utterances, channels, frames) → the same."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            convolved(channels, channels),
            PartwiseConvolution(channels, dilation),
            convolved(channels, channels),
            SqueezeExcitation(channels),
        )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = self.layers(inputs)
        return inputs + changed


class Blocks(nn.Module):
    """The first layer and three blocks, each of which hears the sum of all outputs before it, joined at the end
    (section 3.3): (utterances, bands, frames) → (utterances, :attr:`outputs`, frames)."""

    def __init__(self, bands: int, channels: int) -> None:
        super().__init__()
        self.outputs = min(len(DILATIONS) * channels, MOST_JOINED)
        self.first = convolved(bands, channels, FIRST_KERNEL)
        self.blocks = nn.ModuleList(Block(channels, dilation) for dilation in DILATIONS)
        self.joined = nn.Conv1d(len(DILATIONS) * channels, self.outputs, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        total: torch.Tensor = self.first(inputs)
        found: list[torch.Tensor] = []
        for block in self.blocks:
            found.append(block(total))
            total = total + found[-1]
        return torch.relu(self.joined(torch.cat(found, 1)))
