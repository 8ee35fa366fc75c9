"""A median filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Median(Distortion):
    """A sliding median, zero-padded at the ends; the gradient of an output is that of the sample it is equal to."""

    window: int = Field(default=3, ge=3, le=99, description="window in samples, an odd number")

    @field_validator("window")
    @classmethod
    def _require_odd(cls, window: int) -> int:
        if window % 2 == 0:
            raise ValueError(f"should be odd, not {window}: the window needs a middle sample")
        return window

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        from torch.nn.functional import pad

        half = self.window // 2
        return pad(waveforms, (half, half)).unfold(-1, self.window, 1).median(-1).values
