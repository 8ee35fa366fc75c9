"""Voice conversion by nearest neighbours: every frame's spectral envelope is one of the target speaker's.

The method is kNN-VC's: Baas, van Niekerk and Kamper, 2023, "Voice Conversion With Just Nearest Neighbors",
arXiv:2305.18975. There frames are features of WavLM, and a HiFi-GAN trained on them synthesises; here they are
mel-cepstra, and WORLD synthesises, so that nothing has to be trained or downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sanguinaria.conversions import Conversion, one_by_one
from sanguinaria.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import torch

    from sanguinaria.audio.vocoder import VocoderParameters


class NearestNeighbours(Conversion):
    """Each frame's envelope is replaced by the mean of the target's most similar ones, or by one of them.

    The similarity of frames is the Euclidean distance of their mel-cepstra, normalised by each speaker's mean and
    standard deviation, which removes the voice and leaves the phone. The mean is of logarithms, over active frames of
    the target. Each frame's power, its aperiodicity and the timing are the utterance's; the logarithm of the pitch gets
    the target's mean and standard deviation.
    """

    neighbours: int = Field(default=4, ge=1, le=100, description="frames that are averaged; kNN-VC's four")
    join_cost: float = Field(
        default=0.0,
        ge=0,
        description="weight of the join cost: above 0 one of the neighbours is chosen for each frame, on the path that "
        "costs least, in place of their mean",
    )
    normalisation: Literal["speakers", "target"] = Field(
        default="speakers",
        description="of mel-cepstra: by each speaker's mean and deviation, or all by the target's deviation. A word "
        "holds few phones, and its own mean is theirs as well as the voice's",
    )
    smoothing: float = Field(
        default=0.0,
        ge=0,
        le=500,
        description="ms: above 0 the log envelope is not replaced, but changed by the difference, without its detail "
        "over frequency and smoothed over time by a Gaussian of this deviation; pauses do not change",
    )
    ripples: int = Field(
        default=6, ge=1, le=100, description="coefficients of the cepstrum of the difference that smoothing keeps"
    )
    coefficients: int = Field(default=20, ge=2, le=40, description="of the mel-cepstrum, without the zeroth")

    def converter(
        self, target: np.ndarray, sample_rate: int, device: torch.device
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        from sanguinaria.audio.pitch_range import PitchRange
        from sanguinaria.audio.vocoder import analyse, synthesise
        from sanguinaria.conversions.knn.choice import FrameChoice
        from sanguinaria.conversions.knn.mel_cepstrum import MelCepstrum

        parameters = analyse(target, sample_rate)
        target_pitch = PitchRange.from_target(parameters, "knn")
        self._require_frames(int(parameters.active.sum()))
        target_shapes = log_shapes(parameters)[parameters.active]
        cepstrum = MelCepstrum(parameters.envelope.shape[1], sample_rate, self.coefficients)
        target_cepstra = cepstrum.transform(parameters.envelope)
        deviations = target_cepstra[parameters.active].std(axis=0)

        def features(cepstra: np.ndarray, active: np.ndarray) -> np.ndarray:
            return normalise(cepstra, active) if self.normalisation == "speakers" else cepstra / deviations

        choose = FrameChoice(
            features(target_cepstra, parameters.active), parameters.active, self.neighbours, self.join_cost
        )

        def convert(waveform: np.ndarray) -> np.ndarray:
            source = analyse(waveform, sample_rate)
            pitch = PitchRange.from_speech(source)
            f0 = source.f0 if pitch is None else pitch.convert_f0(target_pitch, source.f0)
            chosen = choose(features(cepstrum.transform(source.envelope), source.active))
            envelope = self._envelope(target_shapes[chosen].mean(axis=1), source)
            return synthesise(replace(source, f0=f0, envelope=envelope), sample_rate, len(waveform))

        return one_by_one(convert)

    def _require_frames(self, frames: int) -> None:
        from sanguinaria.audio.vocoder import PERIOD

        if frames < self.neighbours:
            raise InputError(
                f"knn: {self.neighbours} neighbours are configured, and it has {frames} frames that are no pauses, one "
                f"every {PERIOD:g} ms: give longer speech, or configure fewer"
            )

    def _envelope(self, shapes: np.ndarray, source: VocoderParameters) -> np.ndarray:
        """The converted envelopes (frames, bins), from the logarithms of the target's in their place."""
        import numpy as np

        from sanguinaria.audio.vocoder import PERIOD, match_power
        from sanguinaria.conversions._smooth_change import smooth_change

        if self.smoothing:
            own = log_shapes(source)
            shapes = own + smooth_change(shapes - own, source.active, self.ripples, self.smoothing / PERIOD)
        return match_power(np.exp(shapes), source)


def log_shapes(speech: VocoderParameters) -> np.ndarray:
    """Compute the natural logarithms of envelopes relative to each frame's mean power, (frames, bins)."""
    import numpy as np

    from sanguinaria.audio.vocoder import FLOOR

    shapes: np.ndarray = np.log(speech.envelope / speech.envelope.mean(axis=1, keepdims=True) + FLOOR)
    return shapes


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
