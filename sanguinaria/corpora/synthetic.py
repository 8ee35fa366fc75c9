"""Keywords synthesised with the formant voices of espeak-ng: a corpus without a download.

Formant synthesis is easy for a classifier. It serves demonstrations, and is no evidence about real speech.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from sanguinaria.corpora import Corpus, Recording, Split, SplitShares

if TYPE_CHECKING:
    import numpy as np

    from sanguinaria.audio.espeak import Synthesiser

WORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")


class Synthetic(Corpus):
    """Every word in every voice, once at each speaking rate; the splits share no voice."""

    words: tuple[str, ...] = Field(default=WORDS, min_length=2)
    voices: int = Field(default=60, ge=4, le=100)
    paces: tuple[float, ...] = Field(
        default=(0.85, 1.0, 1.2), min_length=1, description="speaking rates, relative to the voice's own"
    )
    split: SplitShares = SplitShares()

    _synthesiser: Synthesiser | None = None

    @field_validator("words")
    @classmethod
    def _are_distinct_words(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(words)) < len(words) or not all(word.isalpha() for word in words):
            raise ValueError("words must differ from one another and consist of letters")
        return tuple(sorted(words))

    @field_validator("paces")
    @classmethod
    def _are_possible_rates(cls, paces: tuple[float, ...]) -> tuple[float, ...]:
        if len({f"{pace:g}" for pace in paces}) < len(paces):
            raise ValueError("paces must differ from one another")
        # espeak's range is 80 to 450 words per minute, and the voices' own rates are 135 to 190.
        if not all(0.6 <= pace <= 2.3 for pace in paces):
            raise ValueError("paces must be between 0.6 and 2.3")
        return paces

    def labels(self) -> Sequence[str]:
        return self.words

    def recordings(self) -> list[Recording]:
        from sanguinaria.audio.espeak import voices

        splits = _assign_splits(len(voices(self.voices)), self.split)
        return sorted(
            (
                Recording(
                    utterance_id=f"{word}/{voice.name}_{pace:g}",
                    label=word,
                    speaker=voice.name,
                    split=split,
                    source=f"{word}\t{index}\t{pace}",
                )
                for index, (voice, split) in enumerate(zip(voices(self.voices), splits, strict=True))
                for word in self.words
                for pace in self.paces
            ),
            key=lambda recording: recording.utterance_id,
        )

    def read(self, source: str) -> tuple[np.ndarray, int, list[str]]:
        from dataclasses import replace

        from sanguinaria.audio.espeak import Synthesiser, voices

        if self._synthesiser is None:
            self._synthesiser = Synthesiser()
        word, index, pace = source.split("\t")
        voice = voices(self.voices)[int(index)]
        samples, rate = self._synthesiser.synthesise(word, replace(voice, rate=round(voice.rate * float(pace))))
        return samples[:, None], rate, []


def _assign_splits(count: int, shares: SplitShares) -> list[Split]:
    """A split for each voice, by a low-discrepancy sequence: with so few voices, the shares of a hash would be far off.

    Example:
        >>> _assign_splits(5, SplitShares(validation=0.2, test=0.2))
        ['test', 'train', 'validation', 'train', 'train']
    """
    splits: list[Split] = []
    for index in range(count):
        # The multiples of the golden ratio fill [0, 1) evenly, whatever their number.
        position = (index * 0.6180339887498949) % 1
        held_out = shares.test + shares.validation
        splits.append("test" if position < shares.test else "validation" if position < held_out else "train")
    return splits
