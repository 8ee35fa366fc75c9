"""Resampling to another sample rate and back, as in telephony or in a careless processing chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Resampling(Distortion):
    """Resampling to `rate` and back by julius's symmetric sinc kernels, as in AudioSeal's and WAKE's code.

    A higher rate changes little: at 16 kHz, resampling to 32 kHz and back only attenuates frequencies above 7.5 kHz.
    """

    rate: int = Field(ge=1000, le=192000, description="intermediate sample rate, in Hz")

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        from julius.resample import resample_frac

        intermediate = resample_frac(waveforms, sample_rate, self.rate, full=True)
        restored: torch.Tensor = resample_frac(intermediate, self.rate, sample_rate, output_length=waveforms.shape[-1])
        return restored
