"""Defended audio and defended models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sanguinaria.defences import Defence
from sanguinaria.plan.stages.attacks import PurifierStage
from sanguinaria.plan.stages.stage import AudioStage, Stage
from sanguinaria.plan.stages.texts import TextStage
from sanguinaria.plan.stages.victims import FeatureStage, PoisonedStage, VictimStage


@dataclass(frozen=True)
class DefendedStage(AudioStage):
    """Test audio after a defence of the input, with the purifier and the texts that it is conditioned on, if any."""

    audio_stage: AudioStage
    defence: Defence
    purifier: PurifierStage | None = None
    text: TextStage | None = None

    stage: ClassVar[str] = "defended"
    wildcard: ClassVar[str] = "defended"
    rules: ClassVar[tuple[str, ...]] = ("defended_audio",)

    @property
    def weights(self) -> list[Path]:
        """The purifier's weights; none for a defence without one."""
        return [] if self.purifier is None else [self.purifier.weights]

    @property
    def gpus(self) -> int:
        """One for a purifier, which is a network, else none."""
        return len(self.weights)

    def text_files(self, shard: int) -> list[Path]:
        """The texts of a shard's utterances."""
        return [] if self.text is None else [self.text.rows_of(shard)]

    @property
    def shards(self) -> int:  # type: ignore[override]
        return self.audio_stage.shards


@dataclass(frozen=True)
class RepairedStage(Stage):
    """A trained model after a defence that acts on it: one model for each number of ``epochs`` of fine-tuning.

    ``defence`` has the largest of them, and ``epochs`` is (0,) for one that does not fine-tune. ``held_out`` are the
    corpus's features, if it uses them.
    """

    defence: Defence
    epochs: tuple[int, ...]
    victim: VictimStage
    held_out: FeatureStage | None

    stage: ClassVar[str] = "defended"
    wildcard: ClassVar[str] = "defended"
    rules: ClassVar[tuple[str, ...]] = ("defended_model",)

    @property
    def poisoned(self) -> PoisonedStage:
        return self.victim.poisoned

    @property
    def gpus(self) -> int:
        """One for a defence that fine-tunes, else none."""
        return int(self.long)

    @property
    def long(self) -> bool:
        """Only fine-tuning needs data."""
        return self.held_out is not None

    @property
    def held_out_files(self) -> list[Path]:
        return [] if self.held_out is None else self.held_out.files

    @property
    def model(self) -> Path:
        """The file of all models."""
        return self.folder / "models.zip"
