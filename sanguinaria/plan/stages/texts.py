"""Texts of utterances."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sanguinaria.core.plugins import kind_of
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.stage import AudioStage, RowStage
from sanguinaria.texts import TextExtractor


@dataclass(frozen=True)
class TextStage(RowStage):
    """A row for each utterance of some splits: its text, by an extractor.

    ``maxima`` are the largest numbers of utterances of these splits of a corpus, for a training that reads a sample of
    them; without, all are transcribed.
    """

    text: TextExtractor
    audio_stage: AudioStage
    splits: tuple[str, ...]
    maxima: tuple[int, ...] = ()

    stage: ClassVar[str] = "texts"
    wildcard: ClassVar[str] = "texts"
    rules: ClassVar[tuple[str, ...]] = ("texts",)

    @property
    def name(self) -> str:
        return f"{kind_of(self.text)}-{self.audio_stage.name}"

    @property
    def gpus(self) -> int:
        """One for a recogniser, which is a network, else none."""
        return int(self.text.has_network)

    @property
    def index(self) -> list[Path]:
        """The names of all utterances of the corpus, of which a sample is transcribed; none where all are."""
        return [self.audio_stage.index] if self.maxima and isinstance(self.audio_stage, CorpusStage) else []

    @property
    def shards(self) -> int:
        return self.audio_stage.shards
