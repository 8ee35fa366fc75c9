"""ResNet-18 (He et al., 2016, arXiv:1512.03385, Table 1) on one-channel spectrograms.

The last layer's input is a global average, so a clip may have any length. Width 64 is the paper's; 16 trains on small
machines. The stem is the published one (7×7, stride 2, then pooling), or a 3×3 convolution, which keeps a higher
resolution and takes longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sanguinaria.victims import SpectrogramVictim

if TYPE_CHECKING:
    import torch
    from torch import nn

# Factor on the width, and stride of the first block, of the four stages of two blocks each.
STAGES = ((1, 1), (2, 2), (4, 2), (8, 2))


class ResNet18(SpectrogramVictim):
    """A residual network over bands and frames."""

    width: int = Field(default=16, ge=4, description="channels of the first stage; 64 in the paper")
    stem: Literal["pooled", "fine"] = Field(default="fine", description="the published stem, or a 3×3 convolution")

    def network(self, labels: int) -> torch.nn.Module:
        from torch import nn

        from sanguinaria.victims._layers import convolution_and_norm, spectrogram_input

        layers = spectrogram_input(self.log_mel.bands)
        layers += [*convolution_and_norm(1, self.width, 7 if self.stem == "pooled" else 3, 2), nn.ReLU()]
        if self.stem == "pooled":
            layers += [nn.MaxPool2d(3, 2, 1)]
        channels = self.width
        for factor, stride in STAGES:
            layers += [_basic_block(channels, factor * self.width, stride)]
            channels = factor * self.width
            layers += [_basic_block(channels, channels, 1)]
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, labels))


def _basic_block(inputs: int, outputs: int, stride: int) -> nn.Module:
    """A residual block of two 3×3 convolutions."""
    from torch import nn

    from sanguinaria.victims._layers import convolution_and_norm, residual_block

    body = [
        *convolution_and_norm(inputs, outputs, 3, stride),
        nn.ReLU(),
        *convolution_and_norm(outputs, outputs, 3),
    ]
    return residual_block(body, inputs, outputs, stride)
