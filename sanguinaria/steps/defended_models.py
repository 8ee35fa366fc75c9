"""Passing a model through a defence that acts on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.core import parquet
from sanguinaria.core.errors import InputError
from sanguinaria.defences import Defence
from sanguinaria.nn.feature_dataset import FeatureDataset, empty_dataset
from sanguinaria.steps import features
from sanguinaria.steps.victims import validation_examples
from sanguinaria.victims._models import describe_model, load_model, save_model

if TYPE_CHECKING:
    import torch


def repair_model(
    defence: Defence,
    model: Path,
    index: Path,
    clean_features: Sequence[Path],
    seed: int,
    destination: Path,
    device: torch.device,
) -> None:
    """Write a repaired model; the index and the features are read only by a defence that needs clean utterances.

    Raises:
        InputError: the model is damaged, the defence cannot repair its kind, or it needs validation utterances and the
            corpus has none.
    """
    victim, labels, _ = describe_model(model)
    network, _ = load_model(model, device)
    if defence.needs_held_out:
        held_out = _held_out(index, clean_features, labels)
    else:
        held_out = empty_dataset(victim.front_end.typical_shape)
    save_model(victim, labels, defence.repair(network, held_out, seed, device), destination, repaired=True)


def _held_out(index: Path, clean_features: Sequence[Path], labels: list[str]) -> FeatureDataset:
    rows = parquet.read(index, ["utterance_id", "label", "split"])
    if not (rows["split"] == "validation").any():
        raise InputError(
            f"{index}: the defence fine-tunes on clean validation utterances, and the corpus has none; "
            "give it a share in split.validation"
        )
    names, inputs = features.load(clean_features)
    return validation_examples(rows, labels, names, inputs)
