"""Watermarked utterances of benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sanguinaria.core.plugins import kind_of
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.stage import AudioStage
from sanguinaria.plan.stages.watermarks import WatermarkStage


@dataclass(frozen=True)
class MarkedStage(AudioStage):
    """Test utterances of a corpus with a watermark, each with a message of its own; or these with a second mark.

    ``secret`` is the key of the mark, for a generator that has keys.
    """

    audio_stage: CorpusStage | MarkedStage
    watermark: WatermarkStage
    secret: str | None
    strength: float
    seed: int
    limit: int | None

    stage: ClassVar[str] = "marked"
    wildcard: ClassVar[str] = "marked"
    rules: ClassVar[tuple[str, ...]] = ("marked",)

    @property
    def name(self) -> str:
        return f"{kind_of(self.corpus.corpus)}-{kind_of(self.watermark.watermark)}-{self.marks}"

    @property
    def corpus(self) -> CorpusStage:
        return self.audio_stage if isinstance(self.audio_stage, CorpusStage) else self.audio_stage.corpus

    @property
    def marks(self) -> int:
        """The number of marks in each utterance."""
        return 1 if isinstance(self.audio_stage, CorpusStage) else self.audio_stage.marks + 1

    @property
    def gpus(self) -> int:
        return 1

    @property
    def shards(self) -> int:  # type: ignore[override]
        return self.audio_stage.shards
