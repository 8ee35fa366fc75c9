"""Pitch conversion: mapping the fundamental frequency of one speaker to the range of another."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

import numpy as np

from sanguinaria.audio.vocoder import VocoderParameters
from sanguinaria.core.errors import InputError

# The range of voices, in Hz; converted values outside of it, which are estimation errors, are clipped.
MINIMUM_F0, MAXIMUM_F0 = 50.0, 700.0
# One word gives a poor estimate of a speaker's pitch variation: it is scaled by no more than this factor.
MAXIMUM_SCALE = 2.0
# Lower bound of the standard deviation of the logarithm, for estimates from few frames: no real voice is below it.
MINIMUM_DEVIATION = 0.02
# Voiced frames of 5 ms that a target needs: noise has a few, and the shortest vowels more.
MINIMUM_VOICED_FRAMES = 10


@dataclass(frozen=True)
class PitchRange:
    """Mean and standard deviation of the logarithm of a speaker's fundamental frequency in Hz."""

    mean: float
    deviation: float

    @classmethod
    def from_speech(cls, speech: VocoderParameters) -> PitchRange | None:
        """Estimate a range from voiced frames, without those in pauses where there are others; ``None`` without any."""
        frames = speech.voiced & speech.active
        if not frames.any():
            frames = speech.voiced
        if not frames.any():
            return None
        logarithms = np.log(speech.f0[frames])
        return cls(float(logarithms.mean()), max(MINIMUM_DEVIATION, float(logarithms.std())))

    @classmethod
    def from_target(cls, speech: VocoderParameters, conversion: str) -> PitchRange:
        """Estimate the range of a target speaker.

        Args:
            speech: the target's speech.
            conversion: the name of the conversion, for the message.

        Raises:
            InputError: the speech has too few voiced frames.
        """
        pitch_range = cls.from_speech(speech)
        if pitch_range is None or (speech.voiced & speech.active).sum() < MINIMUM_VOICED_FRAMES:
            raise InputError(
                f"{conversion}: the target's speech has too few voiced frames; use voiced speech, and no whispering"
            )
        return pitch_range

    def convert_f0(self, target: PitchRange, f0: np.ndarray) -> np.ndarray:
        """Map fundamental frequencies (frames,) in Hz to the mean and deviation of a target; unvoiced frames stay 0."""
        factor = min(MAXIMUM_SCALE, max(1 / MAXIMUM_SCALE, target.deviation / self.deviation))
        logarithms = np.log(np.where(f0 > 0, f0, exp(self.mean)))
        converted = np.exp(np.clip(target.mean + factor * (logarithms - self.mean), log(MINIMUM_F0), log(MAXIMUM_F0)))
        return np.where(f0 > 0, converted, 0.0)
