"""Higher or lower, at the same duration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Pitch(Distortion):
    """Every frequency times `factor`: stretched by a phase vocoder, and resampled to the old duration.

    Formants move along. ``torchaudio.functional.pitch_shift`` does the same in whole steps of a scale, and where a rate
    shares no factor with the shifted one, with kernels that do not fit into memory.
    """

    factor: float = Field(ge=0.5, le=2, description="of frequencies, rounded to a fraction of at most hundredths")

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        from julius.resample import resample_frac
        from torch.nn.functional import pad

        from sanguinaria.audio.time_stretching import time_stretch, to_fraction

        fraction = to_fraction(self.factor)
        length = waveforms.shape[-1]
        slow = time_stretch(waveforms, float(1 / fraction), max(1, round(length * fraction)))
        shifted = resample_frac(slow, fraction.numerator, fraction.denominator, full=True)[..., :length]
        return pad(shifted, (0, length - shifted.shape[-1]))
