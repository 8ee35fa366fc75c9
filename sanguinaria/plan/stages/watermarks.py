"""Watermark generators, trained or not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.stage import Trained
from sanguinaria.watermarks import Watermark


@dataclass(frozen=True)
class WatermarkStage(Trained):
    """A generator's and its detector's weights, with the corpus of their training and the base of their fine-tuning."""

    watermark: Watermark
    source: str
    corpus: CorpusStage | None = None
    base: WatermarkStage | None = None

    stage: ClassVar[str] = "watermarks"
    wildcard: ClassVar[str] = "watermark"
    rules: ClassVar[tuple[str, ...]] = ("watermark",)

    @property
    def weights(self) -> Path:
        return self.folder / "weights.safetensors"

    @property
    def audio_files(self) -> list[Path]:
        """The corpus's shards; none for a generator that is not trained here."""
        return [] if self.corpus is None else self.corpus.audio_files

    @property
    def base_files(self) -> list[Path]:
        return [] if self.base is None else [self.base.weights]

    @property
    def plugins(self) -> list[Watermark]:
        """The plug-ins that may read the weights: this one, and those that it is fine-tuned from."""
        return [self.watermark, *([] if self.base is None else self.base.plugins)]
