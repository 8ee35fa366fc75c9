"""From spectrograms of the configuration to their figure: one utterance of a verification, a picture for each cell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.plan.evaluation import Cell, Evaluation, Reduced
from sanguinaria.plan.sections.spectrograms import Spectrograms
from sanguinaria.plan.stages.embeddings import TrialScoreStage
from sanguinaria.plan.stages.stage import Stage

if TYPE_CHECKING:
    from sanguinaria.plan.expander import Expander


@dataclass(frozen=True)
class SpectrogramStage(Reduced):
    """One utterance of a verification, as attacks and defences leave it: a picture for each cell, of its first seed."""

    code: str
    name: str
    spectrograms: Spectrograms
    cells: tuple[Cell, ...]

    rules: ClassVar[tuple[str, ...]] = ("spectrogram",)

    @property
    def _pictures(self) -> Iterator[tuple[Mapping[str, str], TrialScoreStage]]:
        for cell in self.cells:
            scores = cell.rows["scores"][0]
            assert isinstance(scores, TrialScoreStage)
            yield cell.factors, scores

    @property
    def reduced(self) -> Iterator[Stage]:
        for _, scores in self._pictures:
            yield from (scores.trials, scores.probes.audio_stage)

    @property
    def inputs(self) -> list[Path]:
        """Every file that the pictures are made from, once."""
        paths: dict[Path, None] = {}
        for _, scores in self._pictures:
            paths |= dict.fromkeys((scores.trials.table, *scores.probes.audio_stage.audio_files))
        return list(paths)

    @property
    def specification(self) -> str:
        """The pictures as canonical JSON, and the specifications of all results they are made from."""
        pictures = [
            {
                "attack": factors["attack"],
                "defence": factors["defence"],
                "trials": str(scores.trials.table),
                "audio": [str(path) for path in scores.probes.audio_stage.audio_files],
                "side": scores.side,
                "per_trial": scores.per_trial,
            }
            for factors, scores in self._pictures
        ]
        content = {
            "code": self.code,
            "trial": self.spectrograms.trial,
            "bands": self.spectrograms.bands,
            "pictures": pictures,
            "results": self.provenance,
        }
        return json.dumps({"stage": "spectrograms", **content}, sort_keys=True)


def spectrogram_stage(
    expander: Expander, name: str, spectrograms: Spectrograms, verification: Evaluation
) -> SpectrogramStage:
    """Select the cells of a verification of which spectrograms are drawn.

    Args:
        expander: of the configuration's entries.
        name: of the figure.
        spectrograms: its section of the configuration; without an encoder, that of the first cell is taken, and without
            attacks or defences all of them.
        verification: from which cells are selected.

    Returns:
        The stage that draws them.
    """
    encoder = spectrograms.encoder or verification.cells[0].factors["victim"]
    cells = tuple(
        cell
        for cell in verification.cells
        if cell.factors["victim"] == encoder
        and cell.factors["attack"] in (spectrograms.attacks or (cell.factors["attack"],))
        and cell.factors["defence"] in (spectrograms.defences or (cell.factors["defence"],))
    )
    return SpectrogramStage(expander.code(SpectrogramStage, ()), name, spectrograms, cells)
