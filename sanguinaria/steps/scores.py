"""Rows of scores: what a model says of every test utterance."""

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
    clean: Sequence[Path],
    triggered: Sequence[Path],
    index: Path,
    target: str,
    destination: Path,
    device: torch.device,
) -> None:
    """Write a row per test utterance: ``audio, utterance_id, label, speaker, predicted, target_probability``.

    ``clean`` and ``triggered`` are files of features, of all shards or of some, and what ``audio`` says of a row; there
    may be no triggered ones. They may hold other splits too, which are passed over.

    Raises:
        InputError: the corpus has no such target, which only its files could tell.
    """
    from sanguinaria.victims._models import load_model

    network, labels = load_model(model, device)
    if target not in labels:
        raise InputError(f"no utterance has the target label {target!r}; the labels are: {', '.join(labels[:20])}")
    rows = parquet.read(index, ["utterance_id", "label", "speaker", "split"]).set_index("utterance_id")
    tables = [
        _answers(network, labels, files, rows, target, device).assign(audio=audio)
        for audio, files in (("clean", clean), ("triggered", triggered))
        if files
    ]
    parquet.write(pd.concat(tables).sort_values(["audio", "utterance_id"]), destination)


def _answers(
    network: torch.nn.Module,
    labels: list[str],
    features: Sequence[Path],
    rows: pd.DataFrame,
    target: str,
    device: torch.device,
) -> pd.DataFrame:
    import torch

    from sanguinaria.nn.supervised_training import predict
    from sanguinaria.steps.features import load

    known, asked, probabilities = rows.index[rows["split"] == "test"], [], []
    for path in features:
        names, inputs = load([path])
        positions = pd.Index(names).isin(known).nonzero()[0]
        if len(positions):
            asked += [names[position] for position in positions]
            probabilities.append(predict(network, inputs.subset(positions), device))
    answers = torch.cat([torch.empty(0, len(labels)), *probabilities])
    return pd.DataFrame(
        {
            "utterance_id": asked,
            "label": rows["label"].loc[asked].to_numpy(),
            "speaker": rows["speaker"].loc[asked].to_numpy(),
            "predicted": [labels[position] for position in answers.argmax(-1).tolist()],
            "target_probability": answers[:, labels.index(target)].numpy(),
        }
    )
