"""Texts of utterances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sanguinaria.core.plugins import kind_of
from sanguinaria.plan.stages.stage import AudioStage, RowStage
from sanguinaria.texts import TextExtractor


@dataclass(frozen=True)
class TextStage(RowStage):
    """A row for each utterance of some splits: its text, by an extractor."""

    text: TextExtractor
    audio_stage: AudioStage
    splits: tuple[str, ...]

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
    def shards(self) -> int:
        return self.audio_stage.shards
