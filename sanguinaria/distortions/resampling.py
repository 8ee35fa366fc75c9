"""Resampling to another rate and back: what a telephone, or a careless pipeline, does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Resampling(Distortion):
    """To `rate` and back, with the symmetric sinc kernels of the package ``julius``, as in AudioSeal's and WAKE's code.

    A higher rate changes little: at 16 kHz, over 32 kHz and back, what is lost lies above 7.5 kHz.
    """

    rate: int = Field(ge=1000, le=192000, description="Hz")

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        from julius.resample import resample_frac

        there = resample_frac(waveforms, sample_rate, self.rate, full=True)
        back: torch.Tensor = resample_frac(there, self.rate, sample_rate, output_length=waveforms.shape[-1])
        return back
