"""Training of a victim on a poisoned manifest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from sanguinaria.core import parquet
from sanguinaria.core.atomic_files import atomic
from sanguinaria.core.errors import InputError
from sanguinaria.core.run_environment import write_environment
from sanguinaria.nn.feature_dataset import FeatureDataset, Features
from sanguinaria.nn.supervised_training import train
from sanguinaria.steps.features import load_features
from sanguinaria.victims import Victim
from sanguinaria.victims._models import save_model


def poisoned_examples(
    *, index: Path, manifest: Path, clean: Sequence[Path], poison: Sequence[Path], covers: Sequence[Path]
) -> tuple[list[str], FeatureDataset, FeatureDataset]:
    """Return the labels, the training examples of D′, and the clean validation examples.

    Triggered features replace those of poisoned utterances and of covers; labels are those of the manifest.

    Args:
        index: of the corpus.
        manifest: of the poisoned training set.
        clean: feature files of the corpus.
        poison: feature files of triggered utterances, among them all poisoned ones.
        covers: feature files of utterances with cover triggers, among them all covers.

    Returns:
        Sorted labels, training examples, validation examples.

    Raises:
        InputError: the manifest names poisoned utterances, or covers, that no feature file contains.
    """
    rows = parquet.read(index, ["utterance_id", "label", "split"])
    table = parquet.read(manifest)
    names, inputs = load_features(clean)
    labels = sorted(rows["label"].unique())
    validation_set = validation_examples(rows, labels, names, inputs)
    positions_by_name = pd.Series(range(len(names)), index=names)
    positions = positions_by_name[table["utterance_id"]].to_numpy(copy=True)
    for replaced, blocks in ((table["poisoned"], poison), (table["cover"].notna(), covers)):
        if replaced.any():
            triggered_names, triggered = load_features(blocks)
            positions[replaced] = len(inputs) + _positions(table["utterance_id"][replaced], triggered_names)
            inputs = inputs + triggered
    return labels, FeatureDataset(inputs.subset(positions), _class_indices(table["label"], labels)), validation_set


def validation_examples(rows: pd.DataFrame, labels: list[str], names: list[str], inputs: Features) -> FeatureDataset:
    """Return the clean validation examples of a corpus.

    Args:
        rows: columns ``utterance_id, label, split`` of the corpus's index.
        labels: sorted class labels.
        names: utterance ids of the inputs.
        inputs: features in the order of ``names``.
    """
    validation = rows[rows["split"] == "validation"]
    positions_by_name = pd.Series(range(len(names)), index=names)
    positions = positions_by_name[validation["utterance_id"]].to_numpy(copy=True)
    return FeatureDataset(inputs.subset(positions), _class_indices(validation["label"], labels))


def _positions(utterance_ids: pd.Series, names: list[str]) -> np.ndarray:
    """Positions of utterances among the names of triggered features."""
    positions = pd.Series(range(len(names)), index=names).reindex(utterance_ids)
    if absent := int(positions.isna().sum()):
        raise InputError(f"{absent} utterances to be triggered have no triggered audio: run the triggers again")
    indices: np.ndarray = positions.to_numpy(dtype="int64")
    return indices


def _class_indices(labels: pd.Series, classes: list[str]) -> torch.Tensor:
    return torch.tensor(pd.Categorical(labels, categories=classes).codes.copy(), dtype=torch.long)


def train_victim(
    victim: Victim,
    *,
    seed: int,
    index: Path,
    manifest: Path,
    clean: Sequence[Path],
    poison: Sequence[Path],
    covers: Sequence[Path],
    model: Path,
    history: Path,
    environment: Path,
    device: torch.device,
) -> None:
    """Train a victim on a poisoned manifest, and write the model, its history and the run environment.

    The checkpoint beside the model is deleted once model and history are written.

    Args:
        victim: the architecture and its training settings.
        seed: of initialisation and batches.
        index: of the corpus.
        manifest: of the poisoned training set.
        clean: feature files of the corpus.
        poison: feature files of triggered utterances.
        covers: feature files of utterances with cover triggers.
        model: file of the trained model.
        history: CSV file of the training history by epoch.
        environment: JSON file of the run environment.
        device: of the training.

    Raises:
        InputError: as of :func:`poisoned_examples`.
    """
    labels, training_set, validation_set = poisoned_examples(
        index=index, manifest=manifest, clean=clean, poison=poison, covers=covers
    )
    checkpoint = model.with_name("checkpoint.pt")
    network, table = train(victim, labels, training_set, validation_set, seed, checkpoint, device)
    with atomic(history) as temporary:
        table.to_csv(temporary, index=False)
    save_model(victim, labels, network, model)
    checkpoint.unlink(missing_ok=True)
    write_environment(environment, device)
