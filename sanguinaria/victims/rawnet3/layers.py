"""The filter bank and the frame-level layers of RawNet3 (Jung et al., 2022, arXiv:2203.08488, section 2)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import instance_norm, pad

from sanguinaria.nn.waveform_checks import check_length
from sanguinaria.victims._sinc_filters import SincFilters
from sanguinaria.victims.rawnet3 import FILTER_LENGTH, FRAMES

PRE_EMPHASIS = 0.97
# Groups of a block's channels (the scale of Res2Net), and dilation and pooling of each of the three blocks.
SCALE = 8
BLOCKS = ((2, 5), (3, 3), (4, 1))


class AnalyticFilterBank(nn.Module):
    """Log magnitudes of analytic filters, with their mean over time removed.

    Half of the channels are the filters' real parts and half their imaginary parts. Each has a magnitude of its own, as
    in the paper's code.

    Shape:
        - Input: (utterances, 1, samples)
        - Output: (utterances, channels, frames)
    """

    def __init__(self, channels: int, stride: int) -> None:
        """
        Args:
            channels: twice the number of filters.
            stride: samples between frames.
        """
        super().__init__()
        self.norm = nn.InstanceNorm1d(1, eps=1e-4, affine=True)
        self.filters = SincFilters(channels // 2, FILTER_LENGTH, stride, analytic=True)
        self.window = FILTER_LENGTH + (FRAMES - 1) * stride

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Compute the log magnitudes.

        Raises:
            InputError: the waveforms are too short for one frame after the blocks.
        """
        check_length(waveforms, self.window)
        with torch.autocast(waveforms.device.type, enabled=False):
            padded = pad(waveforms.float(), (1, 0), "reflect")
            emphasised = padded[..., 1:] - PRE_EMPHASIS * padded[..., :-1]
            magnitudes = torch.log(self._normalise_and_filter(emphasised).abs() + 1e-6)
        return magnitudes - magnitudes.mean(-1, keepdim=True)

    def _normalise_and_filter(self, waveforms: torch.Tensor) -> torch.Tensor:
        """The filters' outputs for waveforms after instance normalisation.

        The norm's weight and bias are applied after the filters, which are linear: training then needs no gradient of
        the waveforms, which costs more than the rest of the filter bank.
        """
        normalised = instance_norm(waveforms, eps=self.norm.eps)
        response_to_ones = self.filters(torch.ones(1, 1, FILTER_LENGTH, device=waveforms.device))
        filtered: torch.Tensor = self.norm.weight * self.filters(normalised) + self.norm.bias * response_to_ones
        return filtered


class FeatureMapScaling(nn.Module):
    """Feature map scaling (Jung et al., 2020, arXiv:2004.00526): (x + α) · sigmoid(linear(mean of x over time)), with a
    trained α for each channel.

    Shape:
        - Input: (utterances, channels, frames)
        - Output: the same
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels, 1))
        self.linear = nn.Linear(channels, channels)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return (inputs + self.alpha) * torch.sigmoid(self.linear(inputs.mean(-1)))[..., None]


class Res2Block(nn.Module):
    """A residual block with a Res2 convolution (Gao et al., 2019, arXiv:1904.01169), pooling, and feature map scaling.

    Of the eight groups of channels the last passes; each other group is convolved, with the output of the one before
    added.

    Args:
        inputs: channels before the block.
        outputs: channels after it, a multiple of :data:`SCALE`.
        dilation: of the Res2 convolution, in frames.
        pooling: frames of the max pooling.

    Shape:
        - Input: (utterances, inputs, frames)
        - Output: (utterances, outputs, frames // pooling)
    """

    def __init__(self, inputs: int, outputs: int, dilation: int, pooling: int) -> None:
        super().__init__()
        part = outputs // SCALE
        self.part = part
        self.entry = _with_relu_and_norm(nn.Conv1d(inputs, outputs, 1))
        self.convolutions = nn.ModuleList(
            _with_relu_and_norm(nn.Conv1d(part, part, 3, dilation=dilation, padding=dilation)) for _ in range(SCALE - 1)
        )
        self.exit = _with_relu_and_norm(nn.Conv1d(outputs, outputs, 1))
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv1d(inputs, outputs, 1, bias=False)
        self.pooling = nn.MaxPool1d(pooling)
        self.scaling = FeatureMapScaling(outputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        *groups, last = self.entry(inputs).split(self.part, 1)
        outputs: list[torch.Tensor] = []
        for group, convolution in zip(groups, self.convolutions, strict=True):
            outputs.append(convolution(group + outputs[-1] if outputs else group))
        total = self.exit(torch.cat([*outputs, last], 1)) + self.shortcut(inputs)
        scaled: torch.Tensor = self.scaling(self.pooling(total))
        return scaled


def _with_relu_and_norm(convolution: nn.Conv1d) -> nn.Module:
    """A convolution followed by ReLU and batch normalisation."""
    return nn.Sequential(convolution, nn.ReLU(), nn.BatchNorm1d(convolution.out_channels))


class FrameLayers(nn.Module):
    """The three blocks and their aggregation (section 2.3): outputs are summed between the blocks, and concatenated,
    convolved and rectified at the end.

    Args:
        inputs: channels of the filter bank.
        channels: of each block, a multiple of :data:`SCALE`.
        outputs: channels of the aggregation.

    Shape:
        - Input: (utterances, inputs, frames)
        - Output: (utterances, outputs, frames // 15)
    """

    def __init__(self, inputs: int, channels: int, outputs: int) -> None:
        super().__init__()
        widths = (inputs, channels, channels)
        self.blocks = nn.ModuleList(
            Res2Block(width, channels, dilation, pooling)
            for width, (dilation, pooling) in zip(widths, BLOCKS, strict=True)
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
