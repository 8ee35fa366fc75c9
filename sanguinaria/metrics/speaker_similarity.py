"""Speaker similarity: the cosine between the speaker embeddings of two utterances, 0 to 1.

The encoder is Resemblyzer's: see ``sanguinaria.nn.resemblyzer``. It was trained on segments of 1.6 seconds, so that
embeddings of clips of one second are less reliable.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from sanguinaria.core.errors import InputError
from sanguinaria.core.pretrained_weights import PublishedWeights
from sanguinaria.metrics import Metric, Pair, Unscorable
from sanguinaria.nn.resemblyzer import WEIGHTS, speaker_embedding

if TYPE_CHECKING:
    import numpy as np


class SpeakerSimilarity(Metric):
    """Similarity of the triggered utterance's speaker to that of the clean one, or to the target speaker.

    The clean utterance's similarity to the target is the baseline of the triggered one's.
    """

    digits: ClassVar[int] = 2
    ranked: ClassVar[bool] = False

    to: Literal["clean", "target"] = Field(
        default="clean", description="the clean utterance, or the speech of the trigger's target"
    )
    of: Literal["triggered", "change", "clean"] = Field(
        default="triggered", description="which utterance is compared; change and clean are for to: target"
    )
    weights: PublishedWeights = Field(
        default=WEIGHTS, description="the encoder's, where the package does not have them"
    )

    @model_validator(mode="after")
    def _check_comparison(self) -> SpeakerSimilarity:
        if self.to == "clean" and self.of != "triggered":
            raise ValueError(f"of: {self.of} is for to: target")
        return self

    @property
    def needs_target(self) -> bool:
        return self.to == "target"

    @property
    def titles(self) -> tuple[str, str]:
        if self.to == "clean":
            return "same speaker", "similarity of the speaker"
        return {
            "triggered": ("target's voice", "similarity to the target"),
            "change": ("Δ target's voice", "change of the similarity to the target"),
            "clean": ("target's voice, clean", "similarity to the target before"),
        }[self.of]

    def score(self, reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
        if self.to == "target":
            raise InputError("speaker similarity: the target is not known here. Fix: use score_pair")
        return _cosine(*(self._embedding(audio, sample_rate) for audio in (degraded, reference)))

    def score_pair(self, pair: Pair) -> float:
        if pair.target is None or self.to == "clean":
            return self.score(pair.reference, pair.degraded, pair.sample_rate)
        waveforms = {"triggered": (pair.degraded,), "clean": (pair.reference,)}
        utterances = waveforms.get(self.of, (pair.degraded, pair.reference))
        target = _target(pair.target, self.weights)
        similarity, *clean_similarity = (
            _cosine(self._embedding(audio, pair.sample_rate), target) for audio in utterances
        )
        return similarity - sum(clean_similarity)

    def _embedding(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        embedding = speaker_embedding(audio, sample_rate, self.weights)
        if embedding is None:
            raise Unscorable("speaker similarity: no voice is detected in an utterance")
        return embedding


def _cosine(first: np.ndarray, second: np.ndarray) -> float:
    return float(first.astype("float64") @ second)


@cache
def _target(path: Path, weights: PublishedWeights) -> np.ndarray:
    """Compute the embedding of the target's recording, once in a process."""
    from sanguinaria.audio.files import read_file

    try:
        samples, rate, _ = read_file(path)
    except InputError as error:
        raise InputError(f"{path}: {error}. Fix: give another recording of the target speaker") from error
    embedding = speaker_embedding(samples.mean(axis=1), rate, weights)
    if embedding is None:
        raise InputError(f"{path}: no voice is detected in it. Fix: give another recording of the target speaker")
    return embedding
