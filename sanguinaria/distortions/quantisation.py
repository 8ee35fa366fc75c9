"""Fewer levels of amplitude."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Quantisation(Distortion):
    """The nearest of the 2^bits levels k / 2^(bits−1), with k from −2^(bits−1) on, as in two's complement."""

    differentiable: ClassVar[bool] = False

    bits: int = Field(default=9, ge=1, le=16, description="of a sample; PKDMark's number is the default")

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        half = 2 ** (self.bits - 1)
        quantised: torch.Tensor = (waveforms * half).round().clamp(-half, half - 1) / half
        return quantised
