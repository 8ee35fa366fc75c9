"""Stage specifications of benchmarks of watermarks: marked audio, readings, costs, and the table of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sanguinaria.core.plugins import kind_of
from sanguinaria.distortions import Distortion
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.scores import QualityStage
from sanguinaria.plan.stages.stage import AudioStage, RowStage, Stage
from sanguinaria.plan.stages.tables import LineTable, named
from sanguinaria.plan.stages.watermarks import WatermarkStage


@dataclass(frozen=True)
class MarkedStage(AudioStage):
    """Test utterances of a corpus with a watermark, each with a message of its own; or those with a second mark.

    ``secret`` is the key that they are marked with, for a generator that has keys.
    """

    audio_stage: CorpusStage | MarkedStage
    watermark: WatermarkStage
    secret: str | None
    strength: float
    seed: int
    limit: int | None

    stage: ClassVar[str] = "marked"

    @property
    def name(self) -> str:
        return f"{kind_of(self.corpus.corpus)}-{kind_of(self.watermark.watermark)}-{self.marks}"

    @property
    def corpus(self) -> CorpusStage:
        return self.audio_stage if isinstance(self.audio_stage, CorpusStage) else self.audio_stage.corpus

    @property
    def marks(self) -> int:
        """How many marks there are in each utterance."""
        return 1 if isinstance(self.audio_stage, CorpusStage) else self.audio_stage.marks + 1

    @property
    def shards(self) -> int:  # type: ignore[override]
        return self.audio_stage.shards


@dataclass(frozen=True)
class ReadingStage(RowStage):
    """A row for each distortion, utterance and key: what a detector reads after it, in marked or in clean audio.

    All distortions of a benchmark are one stage's: to read some hundred utterances takes no longer than to start a job.
    """

    audio_stage: CorpusStage | MarkedStage
    watermark: WatermarkStage
    secrets: tuple[str | None, ...]
    distortions: tuple[Distortion, ...]
    split: str
    limit: int | None

    stage: ClassVar[str] = "readings"

    @property
    def name(self) -> str:
        audio = self.split if isinstance(self.audio_stage, CorpusStage) else f"marked-{self.audio_stage.marks}"
        return f"{kind_of(self.watermark.watermark)}-{audio}"

    @property
    def corpus(self) -> CorpusStage:
        return self.audio_stage if isinstance(self.audio_stage, CorpusStage) else self.audio_stage.corpus

    @property
    def messages(self) -> dict[str, int]:
        """What the utterances carry: the seed of the messages, and how many marks there are."""
        marked = None if isinstance(self.audio_stage, CorpusStage) else self.audio_stage
        return {"seed": 0, "marks": 0} if marked is None else {"seed": marked.seed, "marks": marked.marks}

    @property
    def shards(self) -> int:
        return self.audio_stage.shards


@dataclass(frozen=True)
class EfficiencyStage(Stage):
    """What marking and detecting utterances of a corpus cost."""

    corpus: CorpusStage
    watermark: WatermarkStage
    secret: str | None

    stage: ClassVar[str] = "efficiency"

    @property
    def name(self) -> str:
        return kind_of(self.watermark.watermark)

    @property
    def row(self) -> Path:
        return self.folder / "row.json"


@dataclass(frozen=True)
class SeedReadings:
    """What one seed adds to a line: readings of marked and of clean utterances after its table's distortions, and of
    clean ones for validation, with the right key; and of undistorted marked ones with other keys, if there are any."""

    marked: ReadingStage
    clean: ReadingStage
    validation: ReadingStage
    foreign: ReadingStage | None

    @property
    def stages(self) -> Iterator[ReadingStage]:
        yield from (self.marked, self.clean, self.validation)
        if self.foreign is not None:
            yield self.foreign


@dataclass(frozen=True)
class BenchmarkLine:
    """One line of a table, by the user's names: a watermark after a distortion, of which one of its marks is read.

    ``mark`` is 1 for the first mark, 2 for the second. ``distortion`` is the place of the distortion among those that
    the readings are after. ``quality`` is by metric, of each seed. ``wrong_keys`` of the
    foreign keys are drawn, the others near the right one.
    """

    names: Mapping[str, str]
    mark: int
    distortion: int
    bits: int
    bits_per_second: float
    seeds: tuple[SeedReadings, ...]
    quality: Mapping[str, tuple[QualityStage, ...]]
    efficiency: EfficiencyStage | None
    wrong_keys: int

    @property
    def stages(self) -> Iterator[Stage]:
        for seed in self.seeds:
            yield from seed.stages
        for stages in self.quality.values():
            yield from stages
        if self.efficiency is not None:
            yield self.efficiency

    @property
    def inputs(self) -> Iterator[Path]:
        for stage in self.stages:
            yield from stage.row_files if isinstance(stage, RowStage) else ()
        if self.efficiency is not None:
            yield self.efficiency.row

    @property
    def specification(self) -> dict[str, object]:
        return {
            **self.names,
            "mark": self.mark,
            "place": self.distortion,
            "bits": self.bits,
            "bits_per_second": self.bits_per_second,
            "wrong_keys": self.wrong_keys,
            "seeds": [
                {
                    "marked": named(seed.marked),
                    "clean": named(seed.clean),
                    "validation": named(seed.validation),
                    "foreign": None if seed.foreign is None else named(seed.foreign),
                }
                for seed in self.seeds
            ],
            "quality": {name: [named(stage) for stage in stages] for name, stages in self.quality.items()},
            "efficiency": None if self.efficiency is None else str(self.efficiency.row),
        }


@dataclass(frozen=True)
class BenchmarkTable(LineTable[BenchmarkLine]):
    """The table of one benchmark."""

    false_positive_rate: float

    kind: ClassVar[str] = "benchmarks"

    @property
    def settings(self) -> dict[str, object]:
        return {"false_positive_rate": self.false_positive_rate}
