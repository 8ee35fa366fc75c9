"""A gain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Gain(Distortion):
    """A constant gain: factor·x, not clipped. WAKE's boost is 1.2 and its duck 0.8."""

    factor: float = Field(gt=0, le=10, description="factor of the amplitude")

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        return self.factor * waveforms
