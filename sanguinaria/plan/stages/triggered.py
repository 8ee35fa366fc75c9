"""Utterances with a trigger, and the scores of its own detector."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sanguinaria.core.plugins import kind_of
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.speech import SpeechStage
from sanguinaria.plan.stages.stage import AudioStage, RowStage
from sanguinaria.plan.stages.watermarks import WatermarkStage
from sanguinaria.steps.poisoning.blocks import PoisonBlock
from sanguinaria.triggers import Trigger
from sanguinaria.triggers._target_speech import TargetSpeechTrigger


@dataclass(frozen=True)
class TriggeredStage(AudioStage):
    """A corpus's utterances with a trigger: the test split, or one block of those that training may have poisoned."""

    corpus: CorpusStage
    trigger: Trigger
    watermark: WatermarkStage | None
    block: PoisonBlock | None

    stage: ClassVar[str] = "triggered"
    wildcard: ClassVar[str] = "triggered"
    rules: ClassVar[tuple[str, ...]] = ("triggered_test", "triggered_block")

    @property
    def name(self) -> str:
        part = "test" if self.block is None else "poison"
        return f"{kind_of(self.corpus.corpus)}-{kind_of(self.trigger)}-{part}"

    @property
    def weights(self) -> list[Path]:
        """The generator's weights; none for a trigger without one."""
        return [] if self.watermark is None else [self.watermark.weights]

    @property
    def gpus(self) -> int:
        """One for a generator, else none."""
        return len(self.weights)

    @property
    def shards(self) -> int:  # type: ignore[override]
        return self.corpus.shards if self.block is None else 1


@dataclass(frozen=True)
class ConvertedStage(TriggeredStage):
    """Utterances in another speaker's voice; ``source`` is a hash of the user's files that the conversion reads."""

    speech: SpeechStage
    source: str

    @property
    def weights(self) -> list[Path]:
        """The target speech."""
        return [self.speech.audio]

    @property
    def gpus(self) -> int:
        """One where the conversion is a network, else none."""
        assert isinstance(self.trigger, TargetSpeechTrigger)
        return int(self.trigger.has_network)


@dataclass(frozen=True)
class DetectionStage(RowStage):
    """A row for each utterance: the score of a trigger's own detector, and the message that it decodes.

    Of a corpus only the test split is scored; other stages of audio hold only utterances that are.
    """

    trigger: Trigger
    watermark: WatermarkStage | None
    audio_stage: AudioStage

    stage: ClassVar[str] = "detections"
    wildcard: ClassVar[str] = "detections"
    rules: ClassVar[tuple[str, ...]] = ("detections",)

    @property
    def name(self) -> str:
        return f"{kind_of(self.trigger)}-{self.audio_stage.stage}-{self.audio_stage.name}"

    @property
    def split(self) -> str | None:
        return "test" if isinstance(self.audio_stage, CorpusStage) else None

    @property
    def weights(self) -> list[Path]:
        """The detector's weights; none for a trigger without a generator."""
        return [] if self.watermark is None else [self.watermark.weights]

    @property
    def gpus(self) -> int:
        """One for the detector of a watermark, which is a network, else none."""
        return len(self.weights)

    @property
    def shards(self) -> int:
        return self.audio_stage.shards
