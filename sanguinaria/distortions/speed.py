"""Speed change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Speed(Distortion):
    """Speed change by `factor`: the duration becomes 1 / factor of the original one.

    By default the audio is resampled (package ``julius``), which shifts the pitch as the speed of a tape does. With
    `preserve_pitch`, a phase vocoder stretches the time axis alone.
    """

    renamed: ClassVar[Mapping[str, str]] = {"pitch_kept": "preserve_pitch"}

    factor: float = Field(
        ge=0.5, le=2, description="factor of speed, rounded to a fraction with a denominator of at most 100"
    )
    preserve_pitch: bool = Field(default=False, description="time stretching, at a constant pitch")

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        from julius.resample import resample_frac

        from sanguinaria.audio.time_stretching import time_stretch, to_fraction

        fraction = to_fraction(self.factor)
        length = max(1, round(waveforms.shape[-1] / fraction))
        if self.preserve_pitch:
            return time_stretch(waveforms, float(fraction), length)
        resampled: torch.Tensor = resample_frac(
            waveforms, fraction.numerator, fraction.denominator, output_length=length
        )
        return resampled
