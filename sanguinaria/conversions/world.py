"""Conversion by statistics: the pitch and the mean spectral envelope of the target speaker, by the vocoder WORLD."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from sanguinaria.conversions import Conversion, one_by_one

if TYPE_CHECKING:
    import numpy as np
    import torch

    from sanguinaria.audio.vocoder import VocoderParameters


class World(Conversion):
    """Every utterance gets the target's range of pitch and its long-term spectrum.

    The logarithm of the pitch gets the target's mean and standard deviation. The logarithm of each frame's envelope is
    moved by one and the same difference: the target's mean over its frames that are no pauses, minus the utterance's
    own, frequency by frequency, at most 24 dB either way. Aperiodicity, timing, and what changes from frame to frame
    are the utterance's.
    """

    def converter(
        self, target: np.ndarray, sample_rate: int, device: torch.device
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        import numpy as np

        from sanguinaria.audio.pitch_range import PitchRange
        from sanguinaria.audio.vocoder import analyse, synthesise

        analysed = analyse(target, sample_rate)
        aimed, spectrum = PitchRange.from_target(analysed, "world"), mean_log_envelope(analysed)

        def convert(waveform: np.ndarray) -> np.ndarray:
            speech = analyse(waveform, sample_rate)
            own = PitchRange.from_speech(speech)
            f0 = speech.f0 if own is None else own.convert_f0(aimed, speech.f0)
            gain = np.exp(np.clip(spectrum - mean_log_envelope(speech), -MOST, MOST))
            return synthesise(replace(speech, f0=f0, envelope=speech.envelope * gain), sample_rate, len(waveform))

        return one_by_one(convert)


# In nepers of power: 24 dB. Where an utterance has nothing, nothing comes of raising it further but noise.
MOST = 24 / 4.343


def mean_log_envelope(speech: VocoderParameters) -> np.ndarray:
    """Of frames that are no pauses, relative to their mean power, (bins,), natural logarithm."""
    import numpy as np

    from sanguinaria.audio.vocoder import FLOOR

    envelope = speech.envelope[speech.active]
    mean: np.ndarray = np.log(envelope / envelope.mean(axis=1, keepdims=True) + FLOOR).mean(axis=0)
    return mean
