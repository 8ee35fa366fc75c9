"""Wide ResNet-50-2 (Zagoruyko and Komodakis, 2016, arXiv:1605.07146, section 3) on one-channel spectrograms: a victim
of Fake the Real (section 4.1).

It is ResNet-50 (He et al., 2016, arXiv:1512.03385, Table 1) with twice as many channels in the 3×3 convolutions, which
have the strides, as in the published ImageNet models. The last layer's input is a global average, so a clip may have
any length. Width 64 is the paper's; less trains on small machines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.victims import SpectrogramVictim

if TYPE_CHECKING:
    import torch
    from torch import nn

# Factor on the width, stride of the first block, and number of blocks of the four stages.
STAGES = ((1, 1, 3), (2, 2, 4), (4, 2, 6), (8, 2, 3))
# Factors on a stage's width: channels inside a block, which are twice ResNet-50's, and channels between blocks.
INSIDE = 2
OUTSIDE = 4


class WideResNet50(SpectrogramVictim):
    """A wide residual network over bands and frames."""

    width: int = Field(default=64, ge=4, description="channels of the stem; 64 in the paper")

    def network(self, labels: int) -> torch.nn.Module:
        from torch import nn

        from sanguinaria.victims._layers import convolution_and_norm, spectrogram_input

        layers = spectrogram_input(self.log_mel.bands)
        layers += [*convolution_and_norm(1, self.width, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        channels = self.width
        for factor, stride, blocks in STAGES:
            for number in range(blocks):
                layers += [_bottleneck(channels, factor * self.width, stride if number == 0 else 1)]
                channels = OUTSIDE * factor * self.width
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, labels))


def _bottleneck(inputs: int, width: int, stride: int) -> nn.Module:
    """A bottleneck block: inputs → 2 width → 2 width → 4 width channels."""
    from torch import nn

    from sanguinaria.victims._layers import convolution_and_norm, residual_block

    inside, outside = INSIDE * width, OUTSIDE * width
    body = [
        *convolution_and_norm(inputs, inside, 1),
        nn.ReLU(),
        *convolution_and_norm(inside, inside, 3, stride),
        nn.ReLU(),
        *convolution_and_norm(inside, outside, 1),
    ]
    return residual_block(body, inputs, outside, stride)
