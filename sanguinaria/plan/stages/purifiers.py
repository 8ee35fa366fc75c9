"""Purifiers, and what they are trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.stage import Trained
from sanguinaria.plan.stages.texts import TextStage
from sanguinaria.purifiers import Purifier

if TYPE_CHECKING:
    from sanguinaria.plan.stages.verifications import AttackedStage


@dataclass(frozen=True)
class PurifierStage(Trained):
    """A purifier's weights; the corpus that they are trained on, if any, what an adversary makes of it, and what is
    said in both, where the purifier is told."""

    purifier: Purifier
    corpus: CorpusStage | None
    attacked: AttackedStage | None = None
    texts: tuple[TextStage, ...] = ()

    stage: ClassVar[str] = "purifiers"

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
        """What tells which utterance each attacked one was."""
        return [] if self.attacked is None else [self.attacked.trials.table]
