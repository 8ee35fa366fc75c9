"""ResNet-18 (He et al., 2016, arXiv:1512.03385, Table 1) on one-channel spectrograms.

The last layer sees a global average, so that a clip may have any length. Width 64 is the paper's; 16 trains on small
machines. The stem is the published one (7×7, stride 2, then pooling), or a 3×3 convolution that keeps more of the
picture and takes longer.
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

        layers: list[nn.Module] = [nn.BatchNorm1d(self.log_mel.bands), nn.Unflatten(1, (1, self.log_mel.bands))]
        kernel = 7 if self.stem == "pooled" else 3
        layers += [nn.Conv2d(1, self.width, kernel, 2, kernel // 2, bias=False), nn.BatchNorm2d(self.width), nn.ReLU()]
        if self.stem == "pooled":
            layers += [nn.MaxPool2d(3, 2, 1)]
        channels = self.width
        for factor, stride in STAGES:
            layers += [_block(channels, factor * self.width, stride)]
            channels = factor * self.width
            layers += [_block(channels, channels, 1)]
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, labels))


def _block(inputs: int, outputs: int, stride: int) -> nn.Module:
    from torch import nn

    from sanguinaria.victims._layers import Residual

    body = nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
        nn.BatchNorm2d(outputs),
    )
    if inputs == outputs and stride == 1:
        return Residual(body, nn.Identity())
    return Residual(body, nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)))
