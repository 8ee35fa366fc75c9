"""Whether the word is still the same: 1 where a recogniser hears in the triggered utterance what it should, else 0.

See ``sanguinaria.recogniser``. It errs on clean utterances as well: with ``of: clean_label`` the share of those that it
gets right is the most that can be reached, and is what a trigger of kind ``none`` scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from sanguinaria.errors import InputError
from sanguinaria.metrics import Metric, Pair, Unscorable

if TYPE_CHECKING:
    import numpy as np

# Less than so many seconds are no word.
SHORTEST = 0.1


class WordAgreement(Metric):
    """Agreement with the word that is recognised in the clean utterance, or with its label."""

    of: Literal["clean_reading", "clean_label"] = Field(
        default="clean_reading",
        description="what the triggered utterance should be recognised as: what the clean one is, or its label",
    )
    words: Literal["labels"] | tuple[str, ...] = Field(
        default="labels", description="what may be recognised: the corpus's labels, or these words"
    )

    @model_validator(mode="after")
    def _several_words(self) -> WordAgreement:
        if self.words != "labels" and len(set(self.words)) < max(2, len(self.words)):
            raise ValueError("words must be two or more, and differ from one another")
        if self.words != "labels" and self.of == "clean_label":
            raise ValueError("of: clean_label is for words: labels")
        return self

    @property
    def needs_reference(self) -> bool:
        return self.of == "clean_reading"

    def score(self, reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
        if isinstance(self.words, str):
            raise InputError("word agreement: the labels are not known here. Fix: give `words`")
        return self._agreement(self._reading(reference, sample_rate, self.words), degraded, sample_rate, self.words)

    def score_pair(self, pair: Pair) -> float:
        words = tuple(pair.labels) if isinstance(self.words, str) else self.words
        if self.of == "clean_label":
            return self._agreement(pair.label, pair.degraded, pair.sample_rate, words)
        wanted = self._reading(pair.reference, pair.sample_rate, words)
        return self._agreement(wanted, pair.degraded, pair.sample_rate, words)

    def _agreement(self, wanted: str, degraded: np.ndarray, sample_rate: int, words: tuple[str, ...]) -> float:
        if not wanted:
            raise Unscorable("word agreement: no word is recognised in the clean utterance")
        return float(self._reading(degraded, sample_rate, words) == wanted)

    def _reading(self, audio: np.ndarray, sample_rate: int, words: tuple[str, ...]) -> str:
        from sanguinaria.recogniser import recognise

        if not audio.any():
            raise Unscorable("word agreement: an utterance is silent")
        if len(audio) < SHORTEST * sample_rate:
            raise Unscorable(f"word agreement: an utterance is shorter than {SHORTEST} s")
        return recognise(audio, sample_rate, words)
