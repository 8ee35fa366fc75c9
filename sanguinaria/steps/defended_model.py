"""Application of a model defence, such as pruning or fine-tuning, to a trained model."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.core import parquet
from sanguinaria.core.errors import InputError
from sanguinaria.defences import Defence
from sanguinaria.nn.feature_dataset import FeatureDataset, empty_dataset
from sanguinaria.steps.features import load_features
from sanguinaria.steps.victims import validation_examples
from sanguinaria.victims._models import describe_model, load_model, save_repaired_models

if TYPE_CHECKING:
    import torch


def repair_model(
    defence: Defence,
    epochs: Collection[int],
    *,
    model: Path,
    index: Path,
    clean_features: Sequence[Path],
    seed: int,
    destination: Path,
    device: torch.device,
) -> None:
    """Write a model after a defence, at several lengths of its fine-tuning: one training serves them all.

    Args:
        defence: one that acts on the model, with the largest number of epochs.
        epochs: the numbers of epochs of fine-tuning after which the model is written.
        model: file of the trained model.
        index: of the corpus; read only by a defence that needs held-out utterances.
        clean_features: feature files of the corpus, likewise.
        seed: of the defence's random numbers.
        destination: file of the repaired models.
        device: of the defence.

    Raises:
        InputError: the model is damaged, the defence does not support its architecture, or the defence needs held-out
            utterances and the corpus has no validation split.
    """
    victim, labels = describe_model(model)
    network, _ = load_model(model, device)
    if defence.needs_held_out:
        held_out = _held_out(index, clean_features, labels)
    else:
        held_out = empty_dataset(victim.front_end.dummy_input_shape)
    repaired = enumerate(defence.repair(network, held_out, seed, device))
    kept = ((completed, network) for completed, network in repaired if completed in epochs)
    save_repaired_models(victim, labels, kept, destination)


def _held_out(index: Path, clean_features: Sequence[Path], labels: list[str]) -> FeatureDataset:
    """Clean validation utterances of a corpus."""
    rows = parquet.read(index, ["utterance_id", "label", "split"])
    if not (rows["split"] == "validation").any():
        raise InputError(
            f"{index}: the defence fine-tunes on clean validation utterances, and the corpus has none; "
            "give it a share in split.validation"
        )
    names, inputs = load_features(clean_features)
    return validation_examples(rows, labels, names, inputs)
