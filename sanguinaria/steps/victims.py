"""Train a victim on a poisoned manifest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from sanguinaria.core import parquet
from sanguinaria.core.atomic_files import atomic
from sanguinaria.core.errors import InputError
from sanguinaria.nn.feature_dataset import FeatureDataset, Features
from sanguinaria.nn.supervised_training import train
from sanguinaria.steps import features
from sanguinaria.victims import Victim
from sanguinaria.victims._models import save_model


def assemble(
    index: Path, manifest: Path, clean: Sequence[Path], poison: Sequence[Path], covers: Sequence[Path]
) -> tuple[list[str], FeatureDataset, FeatureDataset]:
    """Labels (sorted), and the training and the validation examples.

    The poisoned utterances' inputs replace the clean ones, and so do the covers'; labels are the manifest's.

    Raises:
        InputError: the manifest names poisoned utterances, or covers, that no triggered block holds.
    """
    rows = parquet.read(index, ["utterance_id", "label", "split"])
    table = parquet.read(manifest)
    names, inputs = features.load(clean)
    labels = sorted(rows["label"].unique())
    validation_set = validation_examples(rows, labels, names, inputs)
    positions = pd.Series(range(len(names)), index=names)
    chosen = positions[table["utterance_id"]].to_numpy(copy=True)
    for replaced, blocks in ((table["poisoned"], poison), (table["cover"].notna(), covers)):
        if replaced.any():
            triggered_names, triggered = features.load(blocks)
            chosen[replaced] = len(inputs) + _found(table["utterance_id"][replaced], triggered_names)
            inputs = inputs + triggered
    return labels, FeatureDataset(inputs.subset(chosen), _codes(table["label"], labels)), validation_set


def validation_examples(rows: pd.DataFrame, labels: list[str], names: list[str], inputs: Features) -> FeatureDataset:
    """The clean validation utterances of a corpus's index, whose names and inputs are given in one order."""
    held_out = rows[rows["split"] == "validation"]
    positions = pd.Series(range(len(names)), index=names)
    chosen = positions[held_out["utterance_id"]].to_numpy(copy=True)
    return FeatureDataset(inputs.subset(chosen), _codes(held_out["label"], labels))


def _found(replaced: pd.Series, names: list[str]) -> np.ndarray:
    positions = pd.Series(range(len(names)), index=names).reindex(replaced)
    if absent := int(positions.isna().sum()):
        raise InputError(f"{absent} utterances to be triggered have no triggered audio: run the triggers again")
    found: np.ndarray = positions.to_numpy(dtype="int64")
    return found


def _codes(labels: pd.Series, known: list[str]) -> torch.Tensor:
    return torch.tensor(pd.Categorical(labels, categories=known).codes.copy(), dtype=torch.long)


def train_victim(
    victim: Victim,
    seed: int,
    index: Path,
    manifest: Path,
    clean: Sequence[Path],
    poison: Sequence[Path],
    covers: Sequence[Path],
    model: Path,
    history: Path,
    device: torch.device,
) -> None:
    """Train on a manifest and keep the model and its history; the checkpoint goes once both are there."""
    labels, training_set, validation_set = assemble(index, manifest, clean, poison, covers)
    checkpoint = model.with_name("checkpoint.pt")
    network, table = train(victim, labels, training_set, validation_set, seed, checkpoint, device)
    with atomic(history) as temporary:
        table.to_csv(temporary, index=False)
    save_model(victim, labels, network, model)
    checkpoint.unlink(missing_ok=True)
