"""A moving average."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Smoothing(Distortion):
    """A moving average, zero-padded at the ends. AudioSeal's windows have 2 to 10 samples.

    An even window has one more sample after the centre than before it.
    """

    window: int = Field(default=5, ge=2, le=999, description="window, in samples")

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        from torch.nn.functional import avg_pool1d, pad

        before = (self.window - 1) // 2
        return avg_pool1d(pad(waveforms, (before, self.window - 1 - before)), self.window, stride=1)
