"""Whether it is the same speaker: the cosine between embeddings of two utterances, 0 to 1.

By the encoder of Resemblyzer: see ``sanguinaria.nn.resemblyzer``. It was trained with parts of 1.6 seconds: of clips
of one second it says less.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from sanguinaria.core.errors import InputError
from sanguinaria.core.pretrained_weights import PublishedWeights
from sanguinaria.metrics import Metric, Pair, Unscorable
from sanguinaria.nn.resemblyzer import WEIGHTS, speaker_embedding

if TYPE_CHECKING:
    import numpy as np


class SpeakerSimilarity(Metric):
    """How much the triggered utterance's speaker is that of the clean one, or of the target speech.

    To the target, the clean utterance's own similarity says where it started from.
    """

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
    def _what_is_compared(self) -> SpeakerSimilarity:
        if self.to == "clean" and self.of != "triggered":
            raise ValueError(f"of: {self.of} is for to: target")
        return self

    @property
    def needs_target(self) -> bool:
        return self.to == "target"

    def score(self, reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
        if self.to == "target":
            raise InputError("speaker similarity: the target is not known here. Fix: use score_pair")
        return _cosine(*(self._embedded(audio, sample_rate) for audio in (degraded, reference)))

    def score_pair(self, pair: Pair) -> float:
        if pair.target is None or self.to == "clean":
            return self.score(pair.reference, pair.degraded, pair.sample_rate)
        waveforms = {"triggered": (pair.degraded,), "clean": (pair.reference,)}
        heard = waveforms.get(self.of, (pair.degraded, pair.reference))
        target = _target(pair.target, self.weights)
        similarity, *other = (_cosine(self._embedded(audio, pair.sample_rate), target) for audio in heard)
        return similarity - sum(other)

    def _embedded(self, audio: np.ndarray, sample_rate: int) -> np.ndarray:
        embedding = speaker_embedding(audio, sample_rate, self.weights)
        if embedding is None:
            raise Unscorable("speaker similarity: no voice is heard in an utterance")
        return embedding


def _cosine(first: np.ndarray, second: np.ndarray) -> float:
    return float(first.astype("float64") @ second)


@cache
def _target(path: Path, weights: PublishedWeights) -> np.ndarray:
    """The embedding of the target's recording, made once in a process."""
    from sanguinaria.audio.files import read_file

    try:
        samples, rate, _ = read_file(path)
    except InputError as error:
        raise InputError(f"{path}: {error}. Fix: give another recording of the target speaker") from error
    embedding = speaker_embedding(samples.mean(axis=1), rate, weights)
    if embedding is None:
        raise InputError(f"{path}: no voice is heard in it. Fix: give another recording of the target speaker")
    return embedding
