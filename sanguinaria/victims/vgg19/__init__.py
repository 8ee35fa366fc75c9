"""VGG-19 with batch normalisation (Simonyan and Zisserman, 2015, arXiv:1409.1556, Table 1, E) on one-channel
spectrograms: a victim of Fake the Real (section 4.1).

The layers are those of the published ImageNet models, with batch normalisation after each convolution. A clip may have
any length: poolings keep the rest of an odd number of bands or frames, and the last pooling averages over a grid of
7 × 7, whatever the size of its input. Width 64 is the paper's, with 4,096 units in the fully connected layers; less
trains on small machines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.victims import SpectrogramVictim

if TYPE_CHECKING:
    import torch
    from torch import nn

# Factor on the width, and number of convolutions, between two poolings.
STAGES = ((1, 2), (2, 2), (4, 4), (8, 4), (8, 4))
# Side of the grid before the fully connected layers, and factor on the width for their units.
GRID = 7
UNITS = 64


class Vgg19(SpectrogramVictim):
    """A plain deep convolutional network over bands and frames."""

    width: int = Field(default=64, ge=4, description="channels of the first stage; 64 in the paper")
    dropout: float = Field(default=0.5, ge=0, lt=1, description="probability in the fully connected layers")

    def network(self, labels: int) -> torch.nn.Module:
        from torch import nn

        from sanguinaria.victims._layers import spectrogram_input
        from sanguinaria.victims.vgg19.pooling import AdaptiveAveragePooling

        layers = spectrogram_input(self.log_mel.bands)
        channels = 1
        for factor, count in STAGES:
            for _ in range(count):
                layers += _convolution(channels, factor * self.width)
                channels = factor * self.width
            layers += [nn.MaxPool2d(2, 2, ceil_mode=True)]
        layers += [AdaptiveAveragePooling(GRID), nn.Flatten()]
        inputs = channels * GRID * GRID
        for _ in range(2):
            layers += [nn.Linear(inputs, UNITS * self.width), nn.ReLU(), nn.Dropout(self.dropout)]
            inputs = UNITS * self.width
        return nn.Sequential(*layers, nn.Linear(inputs, labels))


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    """A 3×3 convolution, batch normalisation and ReLU."""
    from torch import nn

    convolution = nn.Conv2d(inputs, outputs, 3, 1, 1)
    # With smaller initial weights, nineteen layers do not start to learn (He et al., 2015, arXiv:1502.01852).
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
