"""Poisoned training sets, features, and the models that are trained on both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sanguinaria.core.plugins import kind_of
from sanguinaria.front_ends import FrontEnd
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.stage import AudioStage, Stage, Trained
from sanguinaria.plan.stages.triggered import DetectionStage, TriggeredStage
from sanguinaria.victims import Victim


@dataclass(frozen=True)
class FeatureStage(Stage):
    """The features of every utterance of an audio stage, in its shards and their order."""

    audio_stage: AudioStage
    front_end: FrontEnd

    stage: ClassVar[str] = "features"
    wildcard: ClassVar[str] = "features"
    rules: ClassVar[tuple[str, ...]] = ("features",)

    @property
    def name(self) -> str:
        return f"{self.audio_stage.stage}-{self.audio_stage.name}"

    def features(self, shard: int) -> Path:
        return self.folder / f"{shard}.safetensors"

    @property
    def files(self) -> list[Path]:
        return [self.features(shard) for shard in range(self.audio_stage.shards)]


@dataclass(frozen=True)
class PoisonedStage(Stage):
    """A training manifest; with rate 0 the corpus as it is.

    ``detections`` are the blocks', where the trigger has a detector; ``cover_blocks`` are of ``covers`` other triggers.
    """

    corpus: CorpusStage
    blocks: tuple[TriggeredStage, ...]
    detections: tuple[DetectionStage, ...]
    target: str | None
    candidates: str
    labels: str
    rate: float
    seed: int
    cover_blocks: tuple[TriggeredStage, ...] = ()
    covers: int = 0
    cover_rate: float = 0.0

    stage: ClassVar[str] = "poisoned"
    wildcard: ClassVar[str] = "poisoned"
    rules: ClassVar[tuple[str, ...]] = ("poisoned",)

    @property
    def name(self) -> str:
        return f"{kind_of(self.corpus.corpus)}-{self.labels}"

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.parquet"

    @property
    def row_files(self) -> list[Path]:
        return [self.manifest]


@dataclass(frozen=True)
class DatasetStage(Stage):
    """A poisoned training set in one piece, with a description: for other programs than this one."""

    poisoned: PoisonedStage

    stage: ClassVar[str] = "datasets"
    wildcard: ClassVar[str] = "dataset"
    rules: ClassVar[tuple[str, ...]] = ("dataset_audio", "dataset_description")

    @property
    def name(self) -> str:
        return self.poisoned.name

    @property
    def block_files(self) -> list[Path]:
        """The audio of the blocks that hold the poisoned utterances."""
        return [path for block in self.poisoned.blocks for path in block.audio_files]

    @property
    def cover_files(self) -> list[Path]:
        """The audio of the blocks that hold the cover samples."""
        return [path for block in self.poisoned.cover_blocks for path in block.audio_files]

    @property
    def audio_files(self) -> list[Path]:
        return [self.folder / f"train-{shard}.parquet" for shard in range(self.poisoned.corpus.shards)]

    @property
    def description(self) -> Path:
        return self.folder / "croissant.json"


@dataclass(frozen=True)
class VictimStage(Trained):
    """A trained model."""

    victim: Victim
    poisoned: PoisonedStage
    clean_features: FeatureStage
    poison_features: tuple[FeatureStage, ...]
    cover_features: tuple[FeatureStage, ...]
    seed: int

    stage: ClassVar[str] = "victims"
    wildcard: ClassVar[str] = "victim"
    rules: ClassVar[tuple[str, ...]] = ("victim",)

    @property
    def poison_files(self) -> list[Path]:
        """The poisoned utterances' features."""
        return [path for features in self.poison_features for path in features.files]

    @property
    def cover_files(self) -> list[Path]:
        """The cover samples' features."""
        return [path for features in self.cover_features for path in features.files]

    @property
    def model(self) -> Path:
        return self.folder / "model.safetensors"

    @property
    def history(self) -> Path:
        return self.folder / "history.csv"
