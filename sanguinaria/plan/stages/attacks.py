"""Trials of speaker verification, their attacked audio, and purifiers, which may be trained on such audio."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import ClassVar

from sanguinaria.adversaries import Adversary
from sanguinaria.core.plugins import kind_of
from sanguinaria.defences import Defence
from sanguinaria.plan.sections.verification import Trials
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.stage import AudioStage, Stage, Trained
from sanguinaria.plan.stages.texts import TextStage
from sanguinaria.plan.stages.victims import VictimStage
from sanguinaria.purifiers import Purifier
from sanguinaria.victims import Victim

# Trials that one job attacks: fifty steps take a GPU some minutes.
TRIALS_OF_A_SHARD = 1000


@dataclass(frozen=True)
class TrialsStage(Stage):
    """Trials of a split of a corpus. ``source`` is a hash of the user's list, if there is one."""

    corpus: CorpusStage
    trials: Trials
    source: str
    split: str = "test"

    stage: ClassVar[str] = "trials"
    wildcard: ClassVar[str] = "trials"
    rules: ClassVar[tuple[str, ...]] = ("trials",)

    @property
    def name(self) -> str:
        return kind_of(self.corpus.corpus)

    @property
    def table(self) -> Path:
        return self.folder / "trials.parquet"


@dataclass(frozen=True)
class Encoder:
    """A speaker encoder: the victim, and its training unless it is pretrained."""

    victim: Victim
    model: VictimStage | None


@dataclass(frozen=True)
class AttackedStage(AudioStage):
    """Attacked audio of each trial, or of each utterance where the adversary does not use the encoder.

    Where it does, ``victim`` and ``model`` are the encoder; ``defence`` is the one that an adaptive adversary attacks
    through, with its ``purifier`` and the ``text`` of the original utterances.
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
    wildcard: ClassVar[str] = "attacked"
    rules: ClassVar[tuple[str, ...]] = ("attacked",)

    @property
    def name(self) -> str:
        return f"{self.trials.name}-{kind_of(self.adversary)}"

    @property
    def shards(self) -> int:  # type: ignore[override]
        return ceil(self.trials.trials.count / TRIALS_OF_A_SHARD)

    @property
    def gpus(self) -> int:
        return int(self.long)

    @property
    def long(self) -> bool:
        """Only attacks on an encoder compute gradients."""
        return self.victim is not None

    @property
    def models(self) -> list[Path]:
        return [] if self.model is None else [self.model.model]

    @property
    def weights(self) -> list[Path]:
        """The purifier's weights; none for a defence without one."""
        return [] if self.purifier is None else [self.purifier.weights]

    @property
    def text_files(self) -> list[Path]:
        return [] if self.text is None else self.text.row_files

    @property
    def row_files(self) -> list[Path]:
        """A row for each utterance, with the reason of an attack that failed."""
        return [self.folder / "remarks" / f"{shard}.parquet" for shard in range(self.shards)]


@dataclass(frozen=True)
class PurifierStage(Trained):
    """A purifier's weights; the corpus that they are trained on, if any, attacked utterances of it, and the texts of
    both, where the purifier is conditioned on them."""

    purifier: Purifier
    corpus: CorpusStage | None
    attacked: AttackedStage | None = None
    texts: tuple[TextStage, ...] = ()

    stage: ClassVar[str] = "purifiers"
    wildcard: ClassVar[str] = "purifier"
    rules: ClassVar[tuple[str, ...]] = ("purifier",)

    @property
    def weights(self) -> Path:
        return self.folder / "weights.safetensors"

    @property
    def audio_files(self) -> list[Path]:
        return [] if self.corpus is None else self.corpus.audio_files

    @property
    def attacked_files(self) -> list[Path]:
        return [] if self.attacked is None else self.attacked.audio_files

    @property
    def text_files(self) -> list[Path]:
        return [path for text in self.texts for path in text.row_files]

    @property
    def trial_files(self) -> list[Path]:
        """The trials, which name the original of each attacked utterance."""
        return [] if self.attacked is None else [self.attacked.trials.table]
