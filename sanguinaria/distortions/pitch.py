"""Pitch shifting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Pitch(Distortion):
    """Pitch shift by `factor` at a constant duration: time stretching by a phase vocoder, then resampling.

    Formants are shifted too. ``torchaudio.functional.pitch_shift`` does the same in whole steps of a scale; where the
    shifted rate shares no factor with the sample rate, its kernels do not fit into memory.
    """

    factor: float = Field(
        ge=0.5, le=2, description="factor of frequencies, rounded to a fraction with a denominator of at most 100"
    )

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        from julius.resample import resample_frac
        from torch.nn.functional import pad

        from sanguinaria.audio.time_stretching import time_stretch, to_fraction

        fraction = to_fraction(self.factor)
        length = waveforms.shape[-1]
        stretched = time_stretch(waveforms, float(1 / fraction), max(1, round(length * fraction)))
        shifted = resample_frac(stretched, fraction.numerator, fraction.denominator, full=True)[..., :length]
        return pad(shifted, (0, length - shifted.shape[-1]))
