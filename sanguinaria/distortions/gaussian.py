"""Gaussian smoothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch

# The kernel is truncated at this many standard deviations, scipy.ndimage's default.
TRUNCATION = 4.0


class Gaussian(Distortion):
    """Convolution with a Gaussian kernel of standard deviation σ, zero-padded at the ends.

    The frequency response is exp(−2 π² σ² f² / fs²): half the amplitude at 0.187 fs / σ.
    """

    deviation: float = Field(default=1.0, ge=0.1, le=1000, description="standard deviation σ of the kernel, in samples")

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        import torch
        from torch.nn.functional import conv1d

        half = int(TRUNCATION * self.deviation + 0.5)
        weights = torch.exp(-0.5 * (torch.arange(-half, half + 1) / self.deviation) ** 2)
        weights = (weights / weights.sum()).to(waveforms)
        return conv1d(waveforms[:, None], weights[None, None], padding=half)[:, 0]
