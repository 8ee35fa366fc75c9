"""Moving the pitch of one speaker into the range of another."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

import numpy as np

from sanguinaria.audio.vocoder import VocoderParameters
from sanguinaria.core.errors import InputError

# What voices have, in Hz; wrong estimates that would be moved beyond stay at the ends.
LOWEST, HIGHEST = 50.0, 700.0
# A word says little of how lively its speaker is: the pitch's movement changes by no more than this factor.
LIVELIER = 2.0
# Octaves and the like are among the estimates of few frames: a spread of the logarithm below this is no monotone's.
LEAST_SPREAD = 0.02
# Frames with a voice, 5 ms each, that tell a target's pitch: hiss has a few, and the shortest of vowels more.
LEAST_VOICED = 10


@dataclass(frozen=True)
class PitchRange:
    """The logarithm of a speaker's pitch in Hz: its mean and its standard deviation."""

    mean: float
    spread: float

    @classmethod
    def from_speech(cls, speech: VocoderParameters) -> PitchRange | None:
        """From an utterance's voiced frames, those in pauses left out if there are others; ``None`` if it has none."""
        chosen = speech.voiced & speech.active
        if not chosen.any():
            chosen = speech.voiced
        if not chosen.any():
            return None
        logarithms = np.log(speech.f0[chosen])
        return cls(float(logarithms.mean()), max(LEAST_SPREAD, float(logarithms.std())))

    @classmethod
    def from_target(cls, speech: VocoderParameters, conversion: str) -> PitchRange:
        """From the target's speech, for a conversion of that name.

        Raises:
            InputError: there is next to no voice in it.
        """
        found = cls.from_speech(speech)
        if found is None or (speech.voiced & speech.active).sum() < LEAST_VOICED:
            raise InputError(f"{conversion}: there is no voice in it; name speech of a person, and no whispering")
        return found

    def convert_f0(self, target: PitchRange, f0: np.ndarray) -> np.ndarray:
        """This speaker's pitch (frames,) in Hz with the other's mean and spread; 0, which is no voice, stays 0."""
        factor = min(LIVELIER, max(1 / LIVELIER, target.spread / self.spread))
        logarithms = np.log(np.where(f0 > 0, f0, exp(self.mean)))
        moved = np.exp(np.clip(target.mean + factor * (logarithms - self.mean), log(LOWEST), log(HIGHEST)))
        return np.where(f0 > 0, moved, 0.0)
