"""Faster or slower."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Speed(Distortion):
    """Plays an utterance `factor` times as fast: it has 1 / factor of its duration.

    As of a tape, by resampling (package ``julius``), the pitch moves along; with `pitch_kept` a phase vocoder changes
    the duration alone.
    """

    factor: float = Field(ge=0.5, le=2, description="of speed, rounded to a fraction of at most hundredths")
    pitch_kept: bool = False

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        from julius.resample import resample_frac

        from sanguinaria.audio.time_stretching import time_stretch, to_fraction

        fraction = to_fraction(self.factor)
        length = max(1, round(waveforms.shape[-1] / fraction))
        if self.pitch_kept:
            return time_stretch(waveforms, float(fraction), length)
        played: torch.Tensor = resample_frac(waveforms, fraction.numerator, fraction.denominator, output_length=length)
        return played
