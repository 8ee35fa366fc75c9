"""A moving average."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Smoothing(Distortion):
    """Each sample becomes the mean of those around it, zeros beyond the ends. AudioSeal's windows have 2 to 10 samples.

    An even window reaches one sample further ahead than back.
    """

    window: int = Field(default=5, ge=2, le=999, description="samples")

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        from torch.nn.functional import avg_pool1d, pad

        back = (self.window - 1) // 2
        return avg_pool1d(pad(waveforms, (back, self.window - 1 - back)), self.window, stride=1)
