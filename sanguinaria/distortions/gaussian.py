"""A Gaussian filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch

# Deviations that the filter reaches to each side, as scipy.ndimage's does by default.
REACH = 4.0


class Gaussian(Distortion):
    """Each sample becomes a mean of those around it, weighted by a normal density; zeros beyond the ends.

    At f Hz it leaves exp(−2 π² σ² f² / fs²) of an amplitude, half of it at 0.187 fs / σ.
    """

    deviation: float = Field(default=1.0, ge=0.1, le=1000, description="σ, in samples")

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        import torch
        from torch.nn.functional import conv1d

        half = int(REACH * self.deviation + 0.5)
        weights = torch.exp(-0.5 * (torch.arange(-half, half + 1) / self.deviation) ** 2)
        weights = (weights / weights.sum()).to(waveforms)
        return conv1d(waveforms[:, None], weights[None, None], padding=half)[:, 0]
