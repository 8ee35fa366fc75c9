"""Whether the word is still the same: 1 where a recogniser hears in the triggered utterance what it should, else 0.

The recogniser is PocketSphinx (``sanguinaria.texts._recogniser``), or a Whisper of the user's. It errs on clean
utterances as
well: with ``of: clean_label`` the share of those that it gets right is the most that can be reached, and is what a
trigger of kind ``none`` scores.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from sanguinaria.core.errors import InputError
from sanguinaria.metrics import Metric, Pair, Unscorable
from sanguinaria.texts import ExtractTexts

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
    whisper: Path | None = Field(
        default=None,
        description="folder with the files of a model such as openai/whisper-base, which then listens; it may "
        "recognise any words",
    )

    @model_validator(mode="after")
    def _several_words(self) -> WordAgreement:
        if self.words != "labels" and len(set(self.words)) < max(2, len(self.words)):
            raise ValueError("words must be two or more, and differ from one another")
        if self.words != "labels" and self.of == "clean_label":
            raise ValueError("of: clean_label is for words: labels")
        if self.words != "labels" and self.whisper is not None:
            raise ValueError("a Whisper is told no words: leave one of the two out")
        return self

    @property
    def needs_reference(self) -> bool:
        return self.of == "clean_reading"

    def score(self, reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
        if isinstance(self.words, str) and self.whisper is None:
            raise InputError("word agreement: the labels are not known here. Fix: give `words`")
        words = () if isinstance(self.words, str) else self.words
        return self._agreement(self._reading(reference, sample_rate, words), degraded, sample_rate, words)

    def score_pair(self, pair: Pair) -> float:
        words = tuple(pair.labels) if isinstance(self.words, str) else self.words
        if self.of == "clean_label":
            wanted = pair.label if self.whisper is None else bare(pair.label)
            return self._agreement(wanted, pair.degraded, pair.sample_rate, words)
        wanted = self._reading(pair.reference, pair.sample_rate, words)
        return self._agreement(wanted, pair.degraded, pair.sample_rate, words)

    def _agreement(self, wanted: str, degraded: np.ndarray, sample_rate: int, words: tuple[str, ...]) -> float:
        if not wanted:
            raise Unscorable("word agreement: no word is recognised in the clean utterance")
        return float(self._reading(degraded, sample_rate, words) == wanted)

    def _reading(self, audio: np.ndarray, sample_rate: int, words: tuple[str, ...]) -> str:
        from sanguinaria.texts._recogniser import recognise

        if not audio.any():
            raise Unscorable("word agreement: an utterance is silent")
        if len(audio) < SHORTEST * sample_rate:
            raise Unscorable(f"word agreement: an utterance is shorter than {SHORTEST} s")
        return recognise(audio, sample_rate, words) if self.whisper is None else heard(self.whisper, audio, sample_rate)


def heard(whisper: Path, audio: np.ndarray, sample_rate: int) -> str:
    """What a Whisper writes down of samples (samples,), bare."""
    import torch

    return bare(_listener(whisper, sample_rate)(torch.from_numpy(audio)[None], [""])[0])


def bare(text: str) -> str:
    """A text in lower case, without what is no letter and no digit.

    >>> bare(" Don't stop! ")
    'dont stop'
    """
    letters = "".join(letter for letter in text.lower() if letter.isalnum() or letter.isspace())
    return " ".join(letters.split())


@cache
def _listener(whisper: Path, sample_rate: int) -> ExtractTexts:
    import torch

    from sanguinaria.texts.whisper import Whisper

    return Whisper(path=whisper).extractor(sample_rate, torch.device("cpu"))
