"""Voice conversion by statistics: the target speaker's pitch range and mean spectral envelope, by the vocoder WORLD."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from sanguinaria.conversions import Conversion, one_by_one

if TYPE_CHECKING:
    import numpy as np
    import torch

    from sanguinaria.audio.vocoder import VocoderParameters

# Maximum change of the envelope, nepers of power: 24 dB. Where an utterance has no energy, more gain only raises noise.
MAXIMUM_GAIN = 24 / 4.343


class World(Conversion):
    """Every utterance gets the target's range of pitch and its long-term spectrum.

    The logarithm of the pitch gets the target's mean and standard deviation. The logarithm of each frame's envelope is
    shifted by the same difference: the target's mean over its active frames minus the utterance's own, bin by bin, at
    most 24 dB in either direction. Aperiodicity, timing, and the changes from frame to frame are the utterance's.
    """

    def converter(
        self, target: np.ndarray, sample_rate: int, device: torch.device
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        import numpy as np

        from sanguinaria.audio.pitch_range import PitchRange
        from sanguinaria.audio.vocoder import analyse, synthesise

        target_parameters = analyse(target, sample_rate)
        target_pitch = PitchRange.from_target(target_parameters, "world")
        target_envelope = mean_log_envelope(target_parameters)

        def convert(waveform: np.ndarray) -> np.ndarray:
            source = analyse(waveform, sample_rate)
            pitch = PitchRange.from_speech(source)
            f0 = source.f0 if pitch is None else pitch.convert_f0(target_pitch, source.f0)
            gain = np.exp(np.clip(target_envelope - mean_log_envelope(source), -MAXIMUM_GAIN, MAXIMUM_GAIN))
            return synthesise(replace(source, f0=f0, envelope=source.envelope * gain), sample_rate, len(waveform))

        return one_by_one(convert)


def mean_log_envelope(speech: VocoderParameters) -> np.ndarray:
    """Compute the mean natural logarithm of the active frames' envelopes, relative to their mean power, (bins,)."""
    import numpy as np

    from sanguinaria.audio.vocoder import FLOOR

    envelope = speech.envelope[speech.active]
    mean: np.ndarray = np.log(envelope / envelope.mean(axis=1, keepdims=True) + FLOOR).mean(axis=0)
    return mean
