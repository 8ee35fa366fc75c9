"""Conversion by neighbours: every frame's sound is one that the target speaker made.

The idea is kNN-VC's: Baas, van Niekerk and Kamper, 2023, "Voice Conversion With Just Nearest Neighbors",
arXiv:2305.18975. There frames are features of WavLM, and a HiFi-GAN trained on them speaks; here they are
mel-cepstra, and WORLD speaks, so that nothing has to be learnt or downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.conversions import Conversion, one_by_one
from sanguinaria.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import torch

    from sanguinaria.audio.vocoder import VocoderParameters


class NearestNeighbours(Conversion):
    """Each frame's envelope becomes the mean of the target's most similar ones.

    Similar are frames by the Euclidean distance of their mel-cepstra, from which either speaker's mean is taken away
    and each of which is divided by that speaker's standard deviation: what is left is the sound rather than the voice.
    The mean is of logarithms, over frames of the target that are no pauses. Each frame's power, its aperiodicity and
    the timing are the utterance's; the logarithm of the pitch gets the target's mean and standard deviation.
    """

    neighbours: int = Field(default=4, ge=1, le=100, description="frames that are averaged; kNN-VC's four")
    coefficients: int = Field(default=20, ge=2, le=40, description="of the mel-cepstrum, the level left out")

    def converter(
        self, target: np.ndarray, sample_rate: int, device: torch.device
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        import numpy as np

        from sanguinaria.audio.pitch_range import PitchRange
        from sanguinaria.audio.vocoder import FLOOR, PERIOD, analyse, synthesise
        from sanguinaria.conversions.knn.mel_cepstrum import MelCepstrum

        analysed = analyse(target, sample_rate)
        aimed, frames = PitchRange.from_target(analysed, "knn"), analysed.envelope[analysed.active]
        if len(frames) < self.neighbours:
            raise InputError(
                f"knn: {self.neighbours} neighbours are asked for, and it has {len(frames)} frames that are no "
                f"pauses, one every {PERIOD:g} ms: give longer speech, or ask for fewer"
            )
        shapes = np.log(frames / frames.mean(axis=1, keepdims=True) + FLOOR)
        cepstrum = MelCepstrum(frames.shape[1], sample_rate, self.coefficients)
        known = normalised(cepstrum.of(frames))

        def convert(waveform: np.ndarray) -> np.ndarray:
            speech = analyse(waveform, sample_rate)
            own = PitchRange.from_speech(speech)
            f0 = speech.f0 if own is None else own.convert_f0(aimed, speech.f0)
            sounds = normalised(cepstrum.of(speech.envelope), speech.active)
            shape = np.exp(shapes[nearest(sounds, known, self.neighbours)].mean(axis=1))
            return synthesise(replace(speech, f0=f0, envelope=scaled_as(shape, speech)), sample_rate, len(waveform))

        return one_by_one(convert)


def normalised(features: np.ndarray, chosen: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Features (frames, coefficients) with mean 0 and standard deviation 1 over the chosen frames."""
    import numpy as np

    kept = features[chosen]
    scaled: np.ndarray = (features - kept.mean(axis=0)) / np.maximum(kept.std(axis=0), 1e-6)
    return scaled


def nearest(features: np.ndarray, known: np.ndarray, number: int) -> np.ndarray:
    """Indices of the nearest known frames, (frames, number), in any order."""
    import numpy as np

    # |a − b|² but for |a|², which all candidates share.
    distances = np.square(known).sum(axis=1) - 2 * features @ known.T
    return np.argpartition(distances, number - 1, axis=1)[:, :number]


def scaled_as(shape: np.ndarray, speech: VocoderParameters) -> np.ndarray:
    """Envelopes (frames, bins) with the power that the utterance's own frames have."""
    scaled: np.ndarray = shape * (speech.envelope.mean(axis=1) / shape.mean(axis=1))[:, None]
    return scaled
