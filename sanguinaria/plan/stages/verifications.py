"""Stage specifications of speaker verification: trials, attacked audio, embeddings, scores, and the table of all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import ClassVar

from sanguinaria.adversaries import Adversary
from sanguinaria.core.plugins import kind_of
from sanguinaria.defences import Defence
from sanguinaria.metrics import Metric
from sanguinaria.plan.sections.spectrograms import Spectrograms
from sanguinaria.plan.sections.verification import Trials
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.purifiers import PurifierStage
from sanguinaria.plan.stages.stage import AudioStage, RowStage, Stage
from sanguinaria.plan.stages.tables import LineTable, Reduced, named
from sanguinaria.plan.stages.texts import TextStage
from sanguinaria.plan.stages.victims import VictimStage
from sanguinaria.victims import Victim

# Trials that one job attacks: fifty steps of them are some minutes' work of a GPU.
TRIALS_OF_A_SHARD = 1000


@dataclass(frozen=True)
class TrialsStage(Stage):
    """Trials of a split of a corpus. ``source`` tells one state of a user's list from another."""

    corpus: CorpusStage
    trials: Trials
    source: str
    split: str = "test"

    stage: ClassVar[str] = "trials"

    @property
    def name(self) -> str:
        return kind_of(self.corpus.corpus)

    @property
    def table(self) -> Path:
        return self.folder / "trials.parquet"


@dataclass(frozen=True)
class Heard:
    """An encoder: the victim, and its training, if it is not pretrained."""

    victim: Victim
    model: VictimStage | None


@dataclass(frozen=True)
class AttackedStage(AudioStage):
    """What an adversary makes of trials: audio of each trial, or of each utterance where it does not aim.

    Where it attacks an encoder, ``victim`` and ``model`` are the encoder, and ``defence`` is what it knows of, with its
    ``purifier`` and the ``text`` of the utterances as they were.
    """

    trials: TrialsStage
    adversary: Adversary
    victim: Victim | None
    model: VictimStage | None
    defence: Defence | None
    purifier: PurifierStage | None
    text: TextStage | None
    seed: int

    stage: ClassVar[str] = "attacked"

    @property
    def name(self) -> str:
        return f"{self.trials.name}-{kind_of(self.adversary)}"

    @property
    def shards(self) -> int:  # type: ignore[override]
        return ceil(self.trials.trials.count / TRIALS_OF_A_SHARD)

    @property
    def models(self) -> list[Path]:
        return [] if self.model is None else [self.model.model]

    @property
    def weights(self) -> list[Path]:
        """The purifier's; none for a defence that is no purification."""
        return [] if self.purifier is None else [self.purifier.weights]

    @property
    def text_files(self) -> list[Path]:
        return [] if self.text is None else self.text.row_files

    @property
    def remark_files(self) -> list[Path]:
        """What kept probes from being changed."""
        return [self.folder / "remarks" / f"{shard}.parquet" for shard in range(self.shards)]


@dataclass(frozen=True)
class EmbeddingStage(RowStage):
    """A row for each utterance: what an encoder makes of it. Of a corpus only the test split is heard."""

    victim: Victim
    model: VictimStage | None
    audio_stage: AudioStage

    stage: ClassVar[str] = "embeddings"

    @property
    def name(self) -> str:
        return f"{kind_of(self.victim)}-{self.audio_stage.name}"

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

    @property
    def name(self) -> str:
        return self.probes.name

    @property
    def rows(self) -> Path:
        return self.folder / "rows.parquet"


@dataclass(frozen=True)
class ProbeQualityStage(RowStage):
    """A row for each probe, or for some: how far it is from the utterance that it was made of."""

    metric: Metric
    trials: TrialsStage
    audio_stage: AudioStage
    side: str
    per_trial: bool
    limit: int | None

    stage: ClassVar[str] = "probe_quality"

    @property
    def name(self) -> str:
        return f"{kind_of(self.metric)}-{self.audio_stage.name}"

    @property
    def shards(self) -> int:
        return self.audio_stage.shards


@dataclass(frozen=True)
class SeedTrials:
    """What one seed adds to a line: scores, how well probes sound, by metric, and what was attacked, if anything."""

    scores: TrialScoreStage
    quality: Mapping[str, ProbeQualityStage]
    attacked: AttackedStage | None

    @property
    def stages(self) -> Iterator[Stage]:
        yield self.scores
        yield from self.quality.values()
        if self.attacked is not None:
            yield self.attacked

    @property
    def inputs(self) -> Iterator[Path]:
        yield self.scores.rows
        for quality in self.quality.values():
            yield from quality.row_files
        if self.attacked is not None:
            yield from self.attacked.remark_files


@dataclass(frozen=True)
class VerificationLine:
    """One line of a table, by the user's names: an encoder under an attack, behind a defence."""

    names: Mapping[str, str]
    seeds: tuple[SeedTrials, ...]

    @property
    def stages(self) -> Iterator[Stage]:
        return (stage for seed in self.seeds for stage in seed.stages)

    @property
    def inputs(self) -> Iterator[Path]:
        return (path for seed in self.seeds for path in seed.inputs)

    @property
    def specification(self) -> dict[str, object]:
        return {
            **self.names,
            "seeds": [
                {
                    "scores": str(seed.scores.rows),
                    "quality": {metric: named(quality) for metric, quality in seed.quality.items()},
                    "remarks": [] if seed.attacked is None else [str(path) for path in seed.attacked.remark_files],
                }
                for seed in self.seeds
            ],
        }


@dataclass(frozen=True)
class SpectrogramStage(Reduced):
    """One utterance of a verification, as attacks and defences leave it: a picture for each line, of its first seed."""

    code: str
    name: str
    spectrograms: Spectrograms
    lines: tuple[VerificationLine, ...]

    @property
    def _shown(self) -> Iterator[tuple[Mapping[str, str], TrialScoreStage]]:
        return ((line.names, line.seeds[0].scores) for line in self.lines)

    @property
    def reduced(self) -> Iterator[Stage]:
        for _, scores in self._shown:
            yield from (scores.trials, scores.probes.audio_stage)

    @property
    def inputs(self) -> list[Path]:
        """Every file that the pictures are made from, once."""
        paths: dict[Path, None] = {}
        for _, scores in self._shown:
            paths |= dict.fromkeys((scores.trials.table, *scores.probes.audio_stage.audio_files))
        return list(paths)

    @property
    def specification(self) -> str:
        """The pictures as canonical JSON, and what all of them are made from."""
        pictures = [
            {
                "attack": names["attack"],
                "defence": names["defence"],
                "trials": str(scores.trials.table),
                "audio": [str(path) for path in scores.probes.audio_stage.audio_files],
                "side": scores.side,
                "per_trial": scores.per_trial,
            }
            for names, scores in self._shown
        ]
        content = {
            "code": self.code,
            "trial": self.spectrograms.trial,
            "bands": self.spectrograms.bands,
            "pictures": pictures,
            "results": {path: json.loads(stage.specification) for path, stage in self.made_from.items()},
        }
        return json.dumps({"stage": "spectrograms", **content}, sort_keys=True)


@dataclass(frozen=True)
class VerificationTable(LineTable[VerificationLine]):
    """The table of one verification."""

    kind: ClassVar[str] = "verifications"
