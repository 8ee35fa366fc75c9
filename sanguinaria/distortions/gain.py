"""Louder or softer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Gain(Distortion):
    """x times a factor: WAKE's boost is 1.2 and its duck 0.8. Nothing is clipped."""

    factor: float = Field(gt=0, le=10)

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        return self.factor * waveforms
