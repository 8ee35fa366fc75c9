"""A median filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Median(Distortion):
    """Each sample becomes the median of those around it, zeros beyond the ends; gradients go to the one that it is."""

    window: int = Field(default=3, ge=3, le=99, description="samples, an odd number")

    @field_validator("window")
    @classmethod
    def _odd(cls, window: int) -> int:
        if window % 2 == 0:
            raise ValueError(f"should be odd, not {window}: a window has a middle")
        return window

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        from torch.nn.functional import pad

        half = self.window // 2
        return pad(waveforms, (half, half)).unfold(-1, self.window, 1).median(-1).values
