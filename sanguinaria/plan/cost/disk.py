"""Disk: bytes of results before they are computed, and of what they are computed from."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sanguinaria.plan.cost.audio import corpus_of, scored, utterance_seconds, utterances
from sanguinaria.plan.cost.specifications import Specification

# Bytes of a sample of speech in FLAC, of 16 bits: measured on Speech Commands and LibriSpeech.
FLAC = 1.1
# Bytes of a feature in half precision, and of a weight in single precision.
HALF, SINGLE = 2, 4
# Bytes of a row of a Parquet file, and of one with an embedding.
ROW, EMBEDDING_ROW = 60, 900
# Millions of weights at the published size.
WEIGHTS = {
    "resnet18": 11.2,
    "lstm": 0.07,
    "vgg19": 140,
    "wide_resnet50": 67,
    "sincnet": 22.8,
    "rawnet3": 16.6,
    "ecapa_tdnn": 6.4,
    "audiopure": 24,
    "dap": 3,
    "tdap": 3,
}
WEIGHTS_OF_OTHERS = 10
# The settings that a network's weights grow with the square of, at the published size.
WIDTHS = {"resnet18": 64, "vgg19": 64, "wide_resnet50": 64, "rawnet3": 1024}
STAGES_OF_AUDIO = ("corpora", "triggered", "marked", "attacked", "datasets")


@dataclass(frozen=True, kw_only=True)
class Download:
    """An archive or a file of weights.

    Attributes:
        name: for people.
        num_bytes: its size.
        obtained: ``downloaded``, or ``own copy`` for what the user brings.
    """

    name: str
    num_bytes: int
    obtained: str


def bytes_of(stage: Specification) -> float:
    """Return the size of a stage's files in bytes.

    Args:
        stage: nested specification.
    """
    kind = stage["stage"]
    if kind in STAGES_OF_AUDIO or (kind == "defended" and "audio_stage" in stage):
        audio = stage["poisoned"]["corpus"] if kind == "datasets" else stage
        return FLAC * utterances(audio) * _samples(audio)
    if kind == "features":
        return HALF * utterances(stage["audio_stage"]) * _features(stage)
    if kind == "victims":
        return _weights(stage["victim"])
    if kind == "defended":
        return len(stage["epochs"]) * _weights(_trained(stage["victim"])["victim"])
    if kind in ("watermarks", "purifiers"):
        return _weights(stage[kind.removesuffix("s")])
    return _rows(stage)


def downloads(stages: Iterable[Specification]) -> list[Download]:
    """Return what stages are computed from, each once, sorted by name.

    Args:
        stages: nested specifications.
    """
    needed: dict[str, Download] = {}
    for settings in (plugin for stage in stages for plugin in _plugins(stage)):
        for row in _table():
            if settings["kind"] == row["kind"] and (not row["setting"] or settings.get(row["setting"]) == row["value"]):
                num_bytes = int(row["bytes"])
                needed[row["name"]] = Download(name=row["name"], num_bytes=num_bytes, obtained=row["obtained"])
    return [needed[name] for name in sorted(needed)]


def _plugins(value: Any) -> Iterator[Mapping[str, Any]]:
    """The settings of a stage's own plug-ins, those within others too; not those of its upstream."""
    for inner in value.values() if isinstance(value, Mapping) else value:
        if isinstance(inner, Mapping) and "stage" not in inner:
            if "kind" in inner:
                yield inner
            yield from _plugins(inner)
        elif isinstance(inner, list):
            yield from _plugins([item for item in inner if isinstance(item, Mapping)])


def _samples(audio: Specification) -> float:
    return float(utterance_seconds(audio) * corpus_of(audio)["corpus"]["sample_rate"])


def _features(stage: Specification) -> float:
    """The features of an utterance."""
    front_end, samples = stage["front_end"], _samples(stage["audio_stage"])
    return float(samples * front_end["bands"] / front_end["hop"]) if "bands" in front_end else samples


def _trained(model: Specification) -> Specification:
    return model if model["stage"] == "victims" else _trained(model["victim"])


def _weights(settings: Mapping[str, Any]) -> float:
    kind = settings["kind"]
    width = settings["width"] / WIDTHS[kind] if kind in WIDTHS else 1.0
    return float(SINGLE * 1e6 * WEIGHTS.get(kind, WEIGHTS_OF_OTHERS) * width**2)


def _rows(stage: Specification) -> float:
    """Bytes of rows, one for each utterance or trial."""
    audio = stage.get("audio_stage", stage.get("triggered"))
    if audio is not None and audio["stage"] == "features":
        audio = audio["audio_stage"]
    if audio is None:
        return 100 * ROW
    count = scored(audio) if audio["stage"] == "corpora" else utterances(audio)
    return count * (EMBEDDING_ROW if stage["stage"] == "embeddings" else ROW)


@cache
def _table() -> list[dict[str, str]]:
    with Path(__file__).with_name("downloads.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
