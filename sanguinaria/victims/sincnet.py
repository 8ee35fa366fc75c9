"""SincNet (Ravanelli and Bengio, 2018, arXiv:1808.00158, section 4.2), which hears waveforms: Fake the Real's victim on
TIMIT (section 4.1).

Eighty band-pass filters whose edges are learned, two convolutions, and three fully connected layers listen to 200 ms at
a time. What the paper leaves open is as in its code: absolute values after the filters, and leaky rectifiers of slope
0.2. The code's random changes of amplitude are left out, as the normalisation of the waveform undoes them.

The paper's convolutions have layer normalisation (Ba et al., 2016, arXiv:1607.06450), which is of all channels and
times together. Its code normalises each channel alone, and so forgets which filter is the loudest: `norm` chooses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from sanguinaria.victims import WaveformVictim

if TYPE_CHECKING:
    import torch
    from torch import nn

# Samples of a sinc filter, width of the other convolutions, and of the poolings after each.
FILTER = 251
KERNEL = 5
POOLING = 3
SLOPE = 0.2
# Of running means and variances.
MOMENTUM = 0.05
# Added to variances that layers are normalised by.
EPSILON = 1e-6


class SincNet(WaveformVictim):
    """A network of short windows of the waveform."""

    filters: int = Field(default=80, ge=1, description="band-pass filters")
    channels: int = Field(default=60, ge=1, description="of each of the two convolutions after them")
    hidden: int = Field(default=2048, ge=1, description="units of each fully connected layer")
    layers: int = Field(default=3, ge=1, le=8, description="fully connected layers before the last")
    norm: Literal["layer", "channel"] = Field(
        default="layer", description="over channels and times, or over the times of each channel as in the paper's code"
    )
    window: int = Field(default=3200, description="samples that are heard at once; 200 ms at 16 kHz")
    hop: int = Field(default=160, ge=1, description="samples from window to window in tests; 10 ms at 16 kHz")
    optimiser: Literal["adam", "sgd", "rmsprop"] = "rmsprop"
    batch_size: int = Field(default=128, ge=2)

    @model_validator(mode="after")
    def _window_suffices(self) -> SincNet:
        if self._times()[-1] < 1:
            raise ValueError(f"a window of {self.window} samples is too short for the filters and the poolings")
        return self

    def _times(self) -> list[int]:
        """Of a window after each pooling."""
        times, found = self.window, []
        for width in (FILTER, KERNEL, KERNEL):
            times = (times - width + 1) // POOLING
            found.append(times)
        return found

    def network(self, labels: int) -> torch.nn.Module:
        from torch import nn

        from sanguinaria.nn.waveform_layers import Magnitude, Windows
        from sanguinaria.victims._sinc_filters import SincFilters

        first, second, third = self._times()
        layers: list[nn.Module] = [self._norm(1, self.window)]
        layers += [SincFilters(self.filters, FILTER), Magnitude(), *self._pooled(self.filters, first)]
        layers += [nn.Conv1d(self.filters, self.channels, KERNEL), *self._pooled(self.channels, second)]
        layers += [nn.Conv1d(self.channels, self.channels, KERNEL), *self._pooled(self.channels, third)]
        inputs = self.channels * third
        layers += [nn.Flatten(), nn.LayerNorm(inputs, EPSILON)]
        for _ in range(self.layers):
            layers += [nn.Linear(inputs, self.hidden, bias=False), nn.BatchNorm1d(self.hidden, momentum=MOMENTUM)]
            layers += [nn.LeakyReLU(SLOPE)]
            inputs = self.hidden
        return Windows(nn.Sequential(*layers, nn.Linear(inputs, labels)), self.window, self.hop)

    def _pooled(self, channels: int, times: int) -> list[nn.Module]:
        from torch import nn

        return [nn.MaxPool1d(POOLING), self._norm(channels, times), nn.LeakyReLU(SLOPE)]

    def _norm(self, channels: int, times: int) -> nn.Module:
        from torch import nn

        from sanguinaria.nn.waveform_layers import ChannelNorm

        return ChannelNorm(channels, times) if self.norm == "channel" else nn.LayerNorm((channels, times), EPSILON)
