"""Rows of utterances: predictions of models, and metrics of quality."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sanguinaria.core.plugins import kind_of
from sanguinaria.front_ends.waveform import Waveform
from sanguinaria.metrics import Metric
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.defended import RepairedStage
from sanguinaria.plan.stages.marked import MarkedStage
from sanguinaria.plan.stages.stage import RowStage
from sanguinaria.plan.stages.triggered import ConvertedStage, TriggeredStage
from sanguinaria.plan.stages.victims import FeatureStage, VictimStage


@dataclass(frozen=True)
class ScoreStage(RowStage):
    """A row for each test utterance, clean and, where there is a trigger, triggered: the model's prediction.

    ``epochs`` are those of fine-tuning of a repaired model, and ``None`` for the victim itself.
    """

    victim: VictimStage | RepairedStage
    epochs: int | None
    clean: FeatureStage
    triggered: FeatureStage | None
    target: str

    stage: ClassVar[str] = "scores"
    wildcard: ClassVar[str] = "scores"
    rules: ClassVar[tuple[str, ...]] = ("scores",)
    measures: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return f"{self.victim.name}-{(self.triggered or self.clean).name}"

    @property
    def gpus(self) -> int:
        """One for a network on waveforms, which at its full size takes a core hours, else none."""
        return int(isinstance(self.clean.front_end, Waveform))

    @property
    def triggered_files(self) -> list[Path]:
        return [] if self.triggered is None else self.triggered.files

    @property
    def shards(self) -> int:
        return self.clean.audio_stage.shards


@dataclass(frozen=True)
class QualityStage(RowStage):
    """A row for each test utterance: one metric between the triggered and the clean utterance, or of the utterance
    alone, by a metric without a reference."""

    metric: Metric
    triggered: TriggeredStage | MarkedStage | CorpusStage
    limit: int | None

    stage: ClassVar[str] = "quality"
    wildcard: ClassVar[str] = "quality"
    rules: ClassVar[tuple[str, ...]] = ("quality",)
    measures: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return f"{kind_of(self.metric)}-{self.triggered.name}"

    @property
    def clean(self) -> CorpusStage:
        return self.triggered if isinstance(self.triggered, CorpusStage) else self.triggered.corpus

    @property
    def target(self) -> list[Path]:
        """The target speaker's speech; none where the metric does not compare with it."""
        return self.triggered.weights if self.metric.needs_target and isinstance(self.triggered, ConvertedStage) else []

    @property
    def shards(self) -> int:
        return self.triggered.shards
