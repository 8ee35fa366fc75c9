"""Embeddings of verifications, scores of their trials, and the quality of the utterances that were changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sanguinaria.core.plugins import kind_of
from sanguinaria.metrics import Metric
from sanguinaria.plan.stages.attacks import TrialsStage
from sanguinaria.plan.stages.stage import AudioStage, RowStage, Stage
from sanguinaria.plan.stages.victims import VictimStage
from sanguinaria.victims import Victim


@dataclass(frozen=True)
class EmbeddingStage(RowStage):
    """A row for each utterance: its embedding. Of a corpus only the test split is embedded."""

    victim: Victim
    model: VictimStage | None
    audio_stage: AudioStage

    stage: ClassVar[str] = "embeddings"
    wildcard: ClassVar[str] = "embeddings"
    rules: ClassVar[tuple[str, ...]] = ("embeddings",)

    @property
    def name(self) -> str:
        return f"{kind_of(self.victim)}-{self.audio_stage.name}"

    @property
    def gpus(self) -> int:
        return 1

    @property
    def shards(self) -> int:
        return self.audio_stage.shards

    @property
    def models(self) -> list[Path]:
        return [] if self.model is None else [self.model.model]


@dataclass(frozen=True)
class TrialScoreStage(Stage):
    """A row for each trial: its score."""

    trials: TrialsStage
    probes: EmbeddingStage
    others: EmbeddingStage
    side: str
    per_trial: bool

    stage: ClassVar[str] = "trial_scores"
    wildcard: ClassVar[str] = "trial_scores"
    rules: ClassVar[tuple[str, ...]] = ("trial_scores",)
    measures: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return self.probes.name

    @property
    def rows(self) -> Path:
        return self.folder / "rows.parquet"

    @property
    def row_files(self) -> list[Path]:
        return [self.rows]


@dataclass(frozen=True)
class ProbeQualityStage(RowStage):
    """A row for each changed utterance, or for some: a metric of quality against its original."""

    metric: Metric
    trials: TrialsStage
    audio_stage: AudioStage
    side: str
    per_trial: bool
    limit: int | None

    stage: ClassVar[str] = "probe_quality"
    wildcard: ClassVar[str] = "probe_quality"
    rules: ClassVar[tuple[str, ...]] = ("probe_quality",)
    measures: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return f"{kind_of(self.metric)}-{self.audio_stage.name}"

    @property
    def shards(self) -> int:
        return self.audio_stage.shards
