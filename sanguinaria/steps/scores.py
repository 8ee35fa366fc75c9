"""Predictions of a trained model for the test utterances."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sanguinaria.core import parquet
from sanguinaria.core.errors import InputError

if TYPE_CHECKING:
    import torch


def score_model(
    model: Path,
    epochs: int | None = None,
    *,
    clean: Sequence[Path],
    triggered: Sequence[Path],
    index: Path,
    target: str,
    destination: Path,
    device: torch.device,
) -> None:
    """Write a row per test utterance: ``audio, utterance_id, label, speaker, predicted, target_probability``.

    Args:
        model: file of the trained model, or of models after a defence.
        epochs: of fine-tuning, which distinguish the models after a defence; ``None`` for a model without one.
        clean: feature files of clean audio, of all shards or of some; other splits in them are skipped. Their rows
            have "clean" as ``audio``.
        triggered: feature files of triggered audio, likewise; there may be none. Their rows have "triggered".
        index: of the corpus.
        target: label y_t, whose predicted probability is written.
        destination: file of the rows.
        device: of the model.

    Raises:
        InputError: the corpus has no such target label, which only its recordings could show.
    """
    from sanguinaria.victims._models import load_model, load_repaired_model

    if epochs is None:
        network, labels = load_model(model, device)
    else:
        network, labels = load_repaired_model(model, epochs, device)
    if target not in labels:
        raise InputError(f"no utterance has the target label {target!r}; the labels are: {', '.join(labels[:20])}")
    rows = parquet.read(index, ["utterance_id", "label", "speaker", "split"]).set_index("utterance_id")
    tables = [
        _prediction_rows(network, labels, files, rows, target, device).assign(audio=audio)
        for audio, files in (("clean", clean), ("triggered", triggered))
        if files
    ]
    parquet.write(pd.concat(tables).sort_values(["audio", "utterance_id"]), destination)


def _prediction_rows(
    network: torch.nn.Module,
    labels: list[str],
    features: Sequence[Path],
    rows: pd.DataFrame,
    target: str,
    device: torch.device,
) -> pd.DataFrame:
    import torch

    from sanguinaria.nn.supervised_training import predict
    from sanguinaria.steps.features import load_features

    test_ids = rows.index[rows["split"] == "test"]
    utterance_ids: list[str] = []
    batches = []
    for path in features:
        names, inputs = load_features([path])
        positions = pd.Index(names).isin(test_ids).nonzero()[0]
        if len(positions):
            utterance_ids += [names[position] for position in positions]
            batches.append(predict(network, inputs.subset(positions), device))
    probabilities = torch.cat([torch.empty(0, len(labels)), *batches])
    return pd.DataFrame(
        {
            "utterance_id": utterance_ids,
            "label": rows["label"].loc[utterance_ids].to_numpy(),
            "speaker": rows["speaker"].loc[utterance_ids].to_numpy(),
            "predicted": [labels[position] for position in probabilities.argmax(-1).tolist()],
            "target_probability": probabilities[:, labels.index(target)].numpy(),
        }
    )
