"""Word agreement: 1 where a recogniser's transcript of the triggered utterance is the expected word, else 0.

The recogniser is PocketSphinx (``sanguinaria.texts._recogniser``), or a Whisper of the user's. It errs on clean
utterances as well: with ``of: clean_label`` its accuracy on those is the greatest possible agreement, and the
score of a trigger of kind ``none``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from sanguinaria.core.errors import InputError
from sanguinaria.core.fields import UserPath
from sanguinaria.core.missing_files import missing_model
from sanguinaria.metrics import Metric, Pair, Unscorable
from sanguinaria.texts import ExtractTexts

if TYPE_CHECKING:
    import numpy as np

# Seconds below which an utterance holds no word.
MINIMUM_DURATION = 0.1


class WordAgreement(Metric):
    """Agreement with the word that is recognised in the clean utterance, or with its label."""

    digits: ClassVar[int] = 1
    percent: ClassVar[bool] = True

    of: Literal["clean_reading", "clean_label"] = Field(
        default="clean_reading",
        description="the expected word: the one that is recognised in the clean utterance, or its label",
    )
    words: Literal["labels"] | tuple[str, ...] = Field(
        default="labels", description="the recogniser's vocabulary: the corpus's labels, or these words"
    )
    whisper: UserPath | None = Field(
        default=None,
        description="folder with the files of a model such as openai/whisper-base, which then is the recogniser; its "
        "vocabulary is open",
    )

    @model_validator(mode="after")
    def _several_words(self) -> WordAgreement:
        if self.words != "labels" and len(set(self.words)) < max(2, len(self.words)):
            raise ValueError("words must be two or more, and differ from one another")
        if self.words != "labels" and self.of == "clean_label":
            raise ValueError("of: clean_label is for words: labels")
        if self.words != "labels" and self.whisper is not None:
            raise ValueError("a Whisper takes no `words`: leave one of the two out")
        return self

    def missing_files(self) -> Iterator[tuple[str, str]]:
        from sanguinaria.texts.whisper import PUBLISHED

        if self.whisper is not None and (message := missing_model(self.whisper, PUBLISHED)) is not None:
            yield "whisper", message

    @property
    def needs_reference(self) -> bool:
        return self.of == "clean_reading"

    @property
    def titles(self) -> tuple[str, str]:
        if self.of == "clean_label":
            return "right word", "agreement with the label"
        return "same word", "agreement of the word"

    def score(self, reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
        if isinstance(self.words, str) and self.whisper is None:
            raise InputError("word agreement: the labels are not known here. Fix: give `words`")
        words = () if isinstance(self.words, str) else self.words
        return self._agreement(self._transcript(reference, sample_rate, words), degraded, sample_rate, words)

    def score_pair(self, pair: Pair) -> float:
        words = tuple(pair.labels) if isinstance(self.words, str) else self.words
        if self.of == "clean_label":
            expected = pair.label if self.whisper is None else bare(pair.label)
            return self._agreement(expected, pair.degraded, pair.sample_rate, words)
        expected = self._transcript(pair.reference, pair.sample_rate, words)
        return self._agreement(expected, pair.degraded, pair.sample_rate, words)

    def _agreement(self, expected: str, degraded: np.ndarray, sample_rate: int, words: tuple[str, ...]) -> float:
        if not expected:
            raise Unscorable("word agreement: no word is recognised in the clean utterance")
        return float(self._transcript(degraded, sample_rate, words) == expected)

    def _transcript(self, audio: np.ndarray, sample_rate: int, words: tuple[str, ...]) -> str:
        from sanguinaria.texts._recogniser import recognise

        if not audio.any():
            raise Unscorable("word agreement: an utterance is silent")
        if len(audio) < MINIMUM_DURATION * sample_rate:
            raise Unscorable(f"word agreement: an utterance is shorter than {MINIMUM_DURATION} s")
        return (
            recognise(audio, sample_rate, words)
            if self.whisper is None
            else transcribe(self.whisper, audio, sample_rate)
        )


def transcribe(whisper: Path, audio: np.ndarray, sample_rate: int) -> str:
    """Transcribe samples (samples,) by a Whisper, in lower case and without punctuation.

    Args:
        whisper: folder of the model's files.
        audio: (samples,).
        sample_rate: in Hz.

    Returns:
        The transcript, empty where no word is recognised.
    """
    import torch

    return bare(_whisper_extractor(whisper, sample_rate)(torch.from_numpy(audio)[None], [""])[0])


def bare(text: str) -> str:
    """Return a text in lower case, without punctuation.

    >>> bare(" Don't stop! ")
    'dont stop'
    """
    letters = "".join(letter for letter in text.lower() if letter.isalnum() or letter.isspace())
    return " ".join(letters.split())


@cache
def _whisper_extractor(whisper: Path, sample_rate: int) -> ExtractTexts:
    import torch

    from sanguinaria.texts.whisper import Whisper

    return Whisper(path=whisper).extractor(sample_rate, torch.device("cpu"))
