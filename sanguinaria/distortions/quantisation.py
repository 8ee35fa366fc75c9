"""Requantisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Quantisation(Distortion):
    """Rounding to the nearest of 2^bits levels k / 2^(bits−1), −2^(bits−1) ≤ k < 2^(bits−1) (two's complement)."""

    differentiable: ClassVar[bool] = False

    bits: int = Field(default=9, ge=1, le=16, description="bits per sample; the default is PKDMark's")

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        half = 2 ** (self.bits - 1)
        quantised: torch.Tensor = (waveforms * half).round().clamp(-half, half - 1) / half
        return quantised
