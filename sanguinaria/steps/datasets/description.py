"""Croissant description of a poisoned training set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sanguinaria.core.atomic_files import write_text
from sanguinaria.steps.datasets.croissant import dataset_description
from sanguinaria.steps.datasets.training_shards import FEATURES

MEANINGS = {
    "utterance_id": "name of the utterance in its corpus",
    "label": "training label",
    "speaker": "speaker of the utterance",
    "split": "train",
    "num_samples": "length in samples",
    "sample_rate": "sample rate in Hz",
    "sha256": "hash of the 16-bit samples, little-endian",
    "original_label": "label in the corpus",
    "poisoned": "whether the utterance carries the trigger",
    "poison_rank": "rank in the order of poisoning, from 0; none where the utterance is not poisoned",
    "cover": "index, from 0, of the cover trigger of an utterance that keeps its label; none where there is none",
    "audio": "FLAC",
}


def write_description(name: str, poisoned: Mapping[str, Any], destination: Path) -> None:
    """Write the Croissant description of a poisoned training set, which lies beside its shards.

    Args:
        name: of the data set.
        poisoned: ``target``, ``candidates``, ``labels``, ``rate``, ``cover_rate`` and ``seed`` of its manifest.
        destination: file of the description.
    """
    covers = (
        f", and a share of {rate:g} has other triggers and its own labels" if (rate := poisoned["cover_rate"]) else ""
    )
    text = (
        f"A training set of which a share of {poisoned['rate']:g} is poisoned (labels: {poisoned['labels']}, "
        f"candidates: {poisoned['candidates']}, target: {poisoned['target']}, seed {poisoned['seed']}){covers}. "
        "It contains each utterance once. For research on such attacks and on defences against them."
    )
    columns = {name: (feature.get("dtype", "audio"), MEANINGS[name]) for name, feature in FEATURES.items()}
    write_text(destination, json.dumps(dataset_description(name, text, "*.parquet", columns), indent=1) + "\n")
