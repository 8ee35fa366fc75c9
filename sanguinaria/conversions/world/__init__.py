"""Voice conversion by statistics: the target speaker's pitch range and mean spectral envelope, by the vocoder WORLD."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sanguinaria.conversions import Conversion, one_by_one

if TYPE_CHECKING:
    import numpy as np
    import torch

    from sanguinaria.audio.vocoder import VocoderParameters

# A neper of power in decibels.
DECIBELS = 4.343


class World(Conversion):
    """Every utterance gets the target's range of pitch, and its long-term spectrum or the length of its vocal tract.

    The logarithm of the pitch gets the target's mean and standard deviation. The logarithm of each frame's envelope is
    shifted by the same difference: the target's mean over its active frames minus the utterance's own, bin by bin, at
    most ``maximum_gain`` in either direction. Or it is warped in frequency and tilted, by the warping and the tilt that
    bring the utterance's mean closest to the target's, and keeps each frame's power. Aperiodicity, timing, and the
    changes from frame to frame are the utterance's.
    """

    spectrum: Literal["mean", "warp"] = Field(
        default="mean", description="shift log envelopes by the difference of their means, or warp and tilt them"
    )
    maximum_gain: float = Field(
        default=24.0,
        gt=0,
        le=60,
        description="dB; where an utterance has no energy, more gain only raises noise",
    )
    maximum_warp: float = Field(
        default=0.05, ge=0, le=0.3, description="largest factor of the bilinear warp; one word gives a poor estimate"
    )

    def converter(
        self, target: np.ndarray, sample_rate: int, device: torch.device
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        from sanguinaria.audio.pitch_range import PitchRange
        from sanguinaria.audio.vocoder import analyse, synthesise

        target_parameters = analyse(target, sample_rate)
        target_pitch = PitchRange.from_target(target_parameters, "world")
        target_envelope = mean_log_envelope(target_parameters)
        envelope = self._shifted if self.spectrum == "mean" else partial(self._warped, sample_rate)

        def convert(waveform: np.ndarray) -> np.ndarray:
            source = analyse(waveform, sample_rate)
            pitch = PitchRange.from_speech(source)
            f0 = source.f0 if pitch is None else pitch.convert_f0(target_pitch, source.f0)
            converted = replace(source, f0=f0, envelope=envelope(source, target_envelope))
            return synthesise(converted, sample_rate, len(waveform))

        return one_by_one(convert)

    def _shifted(self, source: VocoderParameters, target: np.ndarray) -> np.ndarray:
        """Envelopes (frames, bins) with the target's mean log envelope (bins,)."""
        import numpy as np

        maximum = self.maximum_gain / DECIBELS
        shifted: np.ndarray = source.envelope * np.exp(np.clip(target - mean_log_envelope(source), -maximum, maximum))
        return shifted

    def _warped(self, sample_rate: int, source: VocoderParameters, target: np.ndarray) -> np.ndarray:
        """Envelopes (frames, bins) of the vocal tract of the target's mean log envelope (bins,)."""
        import numpy as np

        from sanguinaria.audio.vocoder import FLOOR, match_power
        from sanguinaria.conversions.world.warping import Warping

        maximum = self.maximum_gain / DECIBELS
        warping = Warping.between(mean_log_envelope(source), target, sample_rate, self.maximum_warp)
        warping = replace(warping, tilt=min(maximum, max(-maximum, warping.tilt)))
        return match_power(np.exp(warping.apply(np.log(source.envelope + FLOOR))), source)


def mean_log_envelope(speech: VocoderParameters) -> np.ndarray:
    """Compute the mean natural logarithm of the active frames' envelopes, relative to their mean power, (bins,)."""
    import numpy as np

    from sanguinaria.audio.vocoder import FLOOR

    envelope = speech.envelope[speech.active]
    mean: np.ndarray = np.log(envelope / envelope.mean(axis=1, keepdims=True) + FLOOR).mean(axis=0)
    return mean
