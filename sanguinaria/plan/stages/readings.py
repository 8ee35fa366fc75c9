"""Decoded marks of benchmarks, and the costs of marking and detecting."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sanguinaria.core.plugins import kind_of
from sanguinaria.distortions import Distortion
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.marked import MarkedStage
from sanguinaria.plan.stages.stage import RowStage, Stage
from sanguinaria.plan.stages.watermarks import WatermarkStage


@dataclass(frozen=True)
class ReadingStage(RowStage):
    """A row for each distortion, utterance and key: what a detector decodes after it, in marked or in clean audio.

    One stage decodes after all distortions of a benchmark: decoding some hundred utterances takes as long as the start
    of a job.
    """

    audio_stage: CorpusStage | MarkedStage
    watermark: WatermarkStage
    secrets: tuple[str | None, ...]
    distortions: tuple[Distortion, ...]
    split: str
    limit: int | None

    stage: ClassVar[str] = "readings"
    wildcard: ClassVar[str] = "readings"
    rules: ClassVar[tuple[str, ...]] = ("readings",)
    measures: ClassVar[bool] = True

    @property
    def name(self) -> str:
        audio = self.split if isinstance(self.audio_stage, CorpusStage) else f"marked-{self.audio_stage.marks}"
        return f"{kind_of(self.watermark.watermark)}-{audio}"

    @property
    def corpus(self) -> CorpusStage:
        return self.audio_stage if isinstance(self.audio_stage, CorpusStage) else self.audio_stage.corpus

    @property
    def messages(self) -> dict[str, int]:
        """The seed of the utterances' messages, and the number of their marks."""
        marked = None if isinstance(self.audio_stage, CorpusStage) else self.audio_stage
        return {"seed": 0, "marks": 0} if marked is None else {"seed": marked.seed, "marks": marked.marks}

    @property
    def gpus(self) -> int:
        return 1

    @property
    def shards(self) -> int:
        return self.audio_stage.shards


@dataclass(frozen=True)
class EfficiencyStage(Stage):
    """The costs of marking and detecting utterances of a corpus."""

    corpus: CorpusStage
    watermark: WatermarkStage
    secret: str | None

    stage: ClassVar[str] = "efficiency"
    wildcard: ClassVar[str] = "efficiency"
    rules: ClassVar[tuple[str, ...]] = ("efficiency",)

    @property
    def name(self) -> str:
        return kind_of(self.watermark.watermark)

    @property
    def gpus(self) -> int:
        return 1

    @property
    def row(self) -> Path:
        return self.folder / "row.json"

    @property
    def row_files(self) -> list[Path]:
        return [self.row]
