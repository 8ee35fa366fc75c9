"""Voice conversion by nearest neighbours: every frame's spectral envelope is one of the target speaker's.

The method is kNN-VC's: Baas, van Niekerk and Kamper, 2023, "Voice Conversion With Just Nearest Neighbors",
arXiv:2305.18975. There frames are features of WavLM, and a HiFi-GAN trained on them synthesises; here they are
mel-cepstra, and WORLD synthesises, so that nothing has to be trained or downloaded.
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
    """Each frame's envelope is replaced by the mean of the target's most similar ones.

    The similarity of frames is the Euclidean distance of their mel-cepstra, normalised by each speaker's mean and
    standard deviation, which removes the voice and leaves the phone. The mean is of logarithms, over active frames of
    the target. Each frame's power, its aperiodicity and the timing are the utterance's; the logarithm of the pitch gets
    the target's mean and standard deviation.
    """

    neighbours: int = Field(default=4, ge=1, le=100, description="frames that are averaged; kNN-VC's four")
    coefficients: int = Field(default=20, ge=2, le=40, description="of the mel-cepstrum, without the zeroth")

    def converter(
        self, target: np.ndarray, sample_rate: int, device: torch.device
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        import numpy as np

        from sanguinaria.audio.pitch_range import PitchRange
        from sanguinaria.audio.vocoder import FLOOR, PERIOD, analyse, synthesise
        from sanguinaria.conversions.knn.mel_cepstrum import MelCepstrum

        parameters = analyse(target, sample_rate)
        target_pitch = PitchRange.from_target(parameters, "knn")
        envelopes = parameters.envelope[parameters.active]
        if len(envelopes) < self.neighbours:
            raise InputError(
                f"knn: {self.neighbours} neighbours are configured, and it has {len(envelopes)} frames that are no "
                f"pauses, one every {PERIOD:g} ms: give longer speech, or configure fewer"
            )
        target_shapes = np.log(envelopes / envelopes.mean(axis=1, keepdims=True) + FLOOR)
        cepstrum = MelCepstrum(envelopes.shape[1], sample_rate, self.coefficients)
        target_features = normalise(cepstrum.transform(envelopes))

        def convert(waveform: np.ndarray) -> np.ndarray:
            source = analyse(waveform, sample_rate)
            pitch = PitchRange.from_speech(source)
            f0 = source.f0 if pitch is None else pitch.convert_f0(target_pitch, source.f0)
            features = normalise(cepstrum.transform(source.envelope), source.active)
            shape = np.exp(target_shapes[nearest(features, target_features, self.neighbours)].mean(axis=1))
            return synthesise(replace(source, f0=f0, envelope=match_power(shape, source)), sample_rate, len(waveform))

        return one_by_one(convert)


def normalise(features: np.ndarray, frames: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Normalise features to mean 0 and standard deviation 1 over chosen frames.

    Args:
        features: (frames, coefficients).
        frames: mask or slice of the frames that the statistics are computed from; all by default.

    Returns:
        (frames, coefficients).

    >>> import numpy
    >>> normalise(numpy.array([[1.0], [3.0]])).tolist()
    [[-1.0], [1.0]]
    """
    import numpy as np

    chosen = features[frames]
    scaled: np.ndarray = (features - chosen.mean(axis=0)) / np.maximum(chosen.std(axis=0), 1e-6)
    return scaled


def nearest(features: np.ndarray, candidates: np.ndarray, number: int) -> np.ndarray:
    """Return the indices of the nearest candidates of each frame, in any order.

    Args:
        features: (frames, coefficients).
        candidates: (candidates, coefficients).
        number: of neighbours.

    Returns:
        (frames, number).

    >>> import numpy
    >>> nearest(numpy.array([[2.9]]), numpy.array([[0.0], [3.0], [9.0]]), 1).tolist()
    [[1]]
    """
    import numpy as np

    # |a − b|² without |a|², which is the same for all candidates.
    distances = np.square(candidates).sum(axis=1) - 2 * features @ candidates.T
    return np.argpartition(distances, number - 1, axis=1)[:, :number]


def match_power(envelopes: np.ndarray, speech: VocoderParameters) -> np.ndarray:
    """Scale envelopes (frames, bins) to the power of the utterance's own frames."""
    scaled: np.ndarray = envelopes * (speech.envelope.mean(axis=1) / envelopes.mean(axis=1))[:, None]
    return scaled
