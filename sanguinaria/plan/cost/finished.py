"""Finished results: those whose files are there."""

from __future__ import annotations

from pathlib import Path

from sanguinaria.plan.stages.attacks import PurifierStage, TrialsStage
from sanguinaria.plan.stages.corpora import CorpusStage
from sanguinaria.plan.stages.defended import RepairedStage
from sanguinaria.plan.stages.speech import SpeechStage
from sanguinaria.plan.stages.stage import AudioStage, Stage
from sanguinaria.plan.stages.victims import DatasetStage, FeatureStage, VictimStage
from sanguinaria.plan.stages.watermarks import WatermarkStage


def is_finished(stage: Stage) -> bool:
    """Return whether all files of a stage are there.

    Args:
        stage: of a plan.
    """
    return all(path.is_file() for path in files_of(stage))


def files_of(stage: Stage) -> list[Path]:
    """Return the files that other stages read of a stage.

    Args:
        stage: of a plan.
    """
    match stage:
        case CorpusStage():
            return [stage.index, *stage.audio_files]
        case AudioStage():
            return stage.audio_files
        case FeatureStage():
            return stage.files
        case VictimStage() | RepairedStage():
            return [stage.model]
        case WatermarkStage() | PurifierStage():
            return [stage.weights]
        case TrialsStage():
            return [stage.table]
        case SpeechStage():
            return [stage.audio]
        case DatasetStage():
            return [stage.description, *stage.audio_files]
    return stage.row_files
