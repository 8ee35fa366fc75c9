"""The parts of RawNet3 (Jung et al., 2022, arXiv:2203.08488, section 2)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import instance_norm, pad

from sanguinaria.nn.waveform_checks import check_length
from sanguinaria.victims._sinc_filters import SincFilters

PRE_EMPHASIS = 0.97
FILTER = 251
# Parts of a block's channels, and its dilation and pooling: of three blocks.
PARTS = 8
BLOCKS = ((2, 5), (3, 3), (4, 1))
# Frames that the poolings of all blocks make one of.
FRAMES = 15


class AnalyticFilterBank(nn.Module):
    """Waveforms (utterances, 1, samples) → log magnitudes (utterances, channels, frames), their mean over time removed.

    Half of the channels are filters' real parts, half their imaginary ones, and each has its own magnitude, as in the
    paper's code.
    """

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.norm = nn.InstanceNorm1d(1, eps=1e-4, affine=True)
        self.filters = SincFilters(channels // 2, FILTER, stride, analytic=True)
        self.window = FILTER + (FRAMES - 1) * stride

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        check_length(waveforms, self.window)
        with torch.autocast(waveforms.device.type, enabled=False):
            padded = pad(waveforms.float(), (1, 0), "reflect")
            emphasised = padded[..., 1:] - PRE_EMPHASIS * padded[..., :-1]
            bands = torch.log(self._filtered(emphasised).abs() + 1e-6)
        return bands - bands.mean(-1, keepdim=True)

    def _filtered(self, waveforms: torch.Tensor) -> torch.Tensor:
        """What the filters let through of normalised waveforms.

        The norm's factor and summand come after the filters, which are linear: training then takes no gradient of the
        waveforms, which costs more than all else that the filters do.
        """
        normalised = instance_norm(waveforms, eps=self.norm.eps)
        of_ones = self.filters(torch.ones(1, 1, FILTER, device=waveforms.device))
        filtered: torch.Tensor = self.norm.weight * self.filters(normalised) + self.norm.bias * of_ones
        return filtered


class Scaling(nn.Module):
    """Scaled feature maps (Jung et al., 2020, arXiv:2004.00526): (x + α) · sigmoid(linear(mean of x over time)), with a
    learned α for each channel: (utterances, channels, frames) → the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels, 1))
        self.linear = nn.Linear(channels, channels)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return (inputs + self.alpha) * torch.sigmoid(self.linear(inputs.mean(-1)))[..., None]


class Block(nn.Module):
    """A residual block whose channels are convolved part by part, each with the one before (Gao et al., 2019,
    arXiv:1904.01169), pooled and scaled: (utterances, inputs, frames) → (utterances, outputs, frames // pooling)."""

    def __init__(self, inputs: int, outputs: int, dilation: int, pooling: int) -> None:
        super().__init__()
        part = outputs // PARTS
        self.part = part
        self.entry = _activated(nn.Conv1d(inputs, outputs, 1))
        self.convolutions = nn.ModuleList(
            _activated(nn.Conv1d(part, part, 3, dilation=dilation, padding=dilation)) for _ in range(PARTS - 1)
        )
        self.exit = _activated(nn.Conv1d(outputs, outputs, 1))
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv1d(inputs, outputs, 1, bias=False)
        self.pooling = nn.MaxPool1d(pooling)
        self.scaling = Scaling(outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        *parts, last = self.entry(inputs).split(self.part, 1)
        heard: list[torch.Tensor] = []
        for part, convolution in zip(parts, self.convolutions, strict=True):
            heard.append(convolution(part + heard[-1] if heard else part))
        found = self.exit(torch.cat([*heard, last], 1)) + self.shortcut(inputs)
        scaled: torch.Tensor = self.scaling(self.pooling(found))
        return scaled


def _activated(convolution: nn.Conv1d) -> nn.Module:
    return nn.Sequential(convolution, nn.ReLU(), nn.BatchNorm1d(convolution.out_channels))


class Aggregation(nn.Module):
    """The three blocks, whose outputs are summed on the way and joined at the end (section 2.3):
    (utterances, inputs, frames) → (utterances, outputs, frames // 15)."""

    def __init__(self, inputs: int, channels: int, outputs: int) -> None:
        super().__init__()
        widths = (inputs, channels, channels)
        self.blocks = nn.ModuleList(
            Block(width, channels, dilation, pooling) for width, (dilation, pooling) in zip(widths, BLOCKS, strict=True)
        )
        self.pooling = nn.MaxPool1d(BLOCKS[1][1])
        self.joined = nn.Conv1d(3 * channels, outputs, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        first, second, third = self.blocks
        one = first(inputs)
        two = second(one)
        pooled = self.pooling(one)
        three = third(pooled + two)
        return torch.relu(self.joined(torch.cat([pooled, two, three], 1)))
