"""SincNet (Ravanelli and Bengio, 2018, arXiv:1808.00158, section 4.2) on waveforms: Fake the Real's victim on TIMIT
(section 4.1).

Eighty band-pass filters with trained edges, two convolutions and three fully connected layers classify windows of
200 ms. Details that the paper leaves open are those of its code: absolute values after the filters, and leaky
rectifiers of slope 0.2. The code's random gain is left out, as the normalisation of the waveform undoes it.

The paper's convolutions have layer normalisation (Ba et al., 2016, arXiv:1607.06450), which is over all channels and
times together. Its code normalises each channel by itself, which removes the relative levels of the filters; ``norm``
selects one of the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from sanguinaria.victims import WaveformVictim

if TYPE_CHECKING:
    import torch
    from torch import nn

# Samples of a sinc filter, kernel size of the other convolutions, and of the pooling after each.
FILTER_LENGTH = 251
KERNEL = 5
POOLING = 3
# Of the leaky rectifiers, for negative inputs.
SLOPE = 0.2
# Of the running means and variances of batch normalisation.
MOMENTUM = 0.05
# Added to the variances of layer normalisation.
EPSILON = 1e-6


class SincNet(WaveformVictim):
    """SincNet: a classifier of short windows of the waveform."""

    filters: int = Field(default=80, ge=1, description="band-pass filters")
    channels: int = Field(default=60, ge=1, description="of each of the two convolutions after them")
    hidden: int = Field(default=2048, ge=1, description="units of each fully connected layer")
    layers: int = Field(default=3, ge=1, le=8, description="fully connected layers before the last")
    norm: Literal["layer", "channel"] = Field(
        default="layer", description="over channels and times, or over the times of each channel as in the paper's code"
    )
    window: int = Field(default=3200, description="samples of a window; 200 ms at 16 kHz")
    hop: int = Field(default=160, ge=1, description="samples between windows in evaluation; 10 ms at 16 kHz")
    optimiser: Literal["adam", "sgd", "rmsprop"] = "rmsprop"
    batch_size: int = Field(default=128, ge=2)

    @model_validator(mode="after")
    def _window_is_long_enough(self) -> SincNet:
        if self._pooled_lengths()[-1] < 1:
            raise ValueError(f"a window of {self.window} samples is too short for the filters and the poolings")
        return self

    def _pooled_lengths(self) -> list[int]:
        """Times of a window after each pooling."""
        times, lengths = self.window, []
        for width in (FILTER_LENGTH, KERNEL, KERNEL):
            times = (times - width + 1) // POOLING
            lengths.append(times)
        return lengths

    def minimum_samples(self, sample_rate: int) -> int:
        return self.window

    def network(self, labels: int) -> torch.nn.Module:
        from torch import nn

        from sanguinaria.victims._sinc_filters import SincFilters
        from sanguinaria.victims.sincnet.layers import AbsoluteValue, WindowedClassifier

        first, second, third = self._pooled_lengths()
        layers: list[nn.Module] = [self._norm(1, self.window)]
        layers += [SincFilters(self.filters, FILTER_LENGTH), AbsoluteValue(), *self._pooling(self.filters, first)]
        layers += [nn.Conv1d(self.filters, self.channels, KERNEL), *self._pooling(self.channels, second)]
        layers += [nn.Conv1d(self.channels, self.channels, KERNEL), *self._pooling(self.channels, third)]
        inputs = self.channels * third
        layers += [nn.Flatten(), nn.LayerNorm(inputs, EPSILON)]
        for _ in range(self.layers):
            layers += [nn.Linear(inputs, self.hidden, bias=False), nn.BatchNorm1d(self.hidden, momentum=MOMENTUM)]
            layers += [nn.LeakyReLU(SLOPE)]
            inputs = self.hidden
        return WindowedClassifier(nn.Sequential(*layers, nn.Linear(inputs, labels)), self.window, self.hop)

    def _pooling(self, channels: int, times: int) -> list[nn.Module]:
        """Pooling, the norm of its outputs (channels, times), and a leaky rectifier."""
        from torch import nn

        return [nn.MaxPool1d(POOLING), self._norm(channels, times), nn.LeakyReLU(SLOPE)]

    def _norm(self, channels: int, times: int) -> nn.Module:
        """The norm that the settings select, for inputs (channels, times)."""
        from torch import nn

        from sanguinaria.victims.sincnet.layers import ChannelNorm

        return ChannelNorm(channels, times) if self.norm == "channel" else nn.LayerNorm((channels, times), EPSILON)
