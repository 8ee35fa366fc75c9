"""Rows of scores: what a model says of every test utterance, and how far a trigger changed each."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sanguinaria.artefacts import atomic
from sanguinaria.errors import InputError
from sanguinaria.metrics import Metric, Unscorable
from sanguinaria.poisoning_order import order

if TYPE_CHECKING:
    import numpy as np
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

    ``clean`` and ``triggered`` are files of features, and what ``audio`` says of a row; there may be no triggered ones.
    They may hold other splits too, which are passed over.

    Raises:
        InputError: the corpus has no such target, which only its files could tell.
    """
    from sanguinaria.training import load_model

    network, labels = load_model(model, device)
    if target not in labels:
        raise InputError(f"no utterance has the target label {target!r}; the labels are: {', '.join(labels[:20])}")
    rows = pd.read_parquet(index, columns=["utterance_id", "label", "speaker", "split"]).set_index("utterance_id")
    tables = [
        _answers(network, labels, files, rows, target, device).assign(audio=audio)
        for audio, files in (("clean", clean), ("triggered", triggered))
        if files
    ]
    with atomic(destination) as temporary:
        pd.concat(tables).sort_values(["audio", "utterance_id"]).to_parquet(temporary, index=False)


def _answers(
    network: torch.nn.Module,
    labels: list[str],
    features: Sequence[Path],
    rows: pd.DataFrame,
    target: str,
    device: torch.device,
) -> pd.DataFrame:
    import torch

    from sanguinaria.features import load
    from sanguinaria.training import predict

    names, spectrograms = load(features)
    is_test = (rows["split"].loc[names] == "test").to_numpy()
    tested = pd.Index(names)[is_test]
    probabilities = predict(network, spectrograms[torch.tensor(is_test)], device)
    return pd.DataFrame(
        {
            "utterance_id": tested,
            "label": rows["label"].loc[tested].to_numpy(),
            "speaker": rows["speaker"].loc[tested].to_numpy(),
            "predicted": [labels[position] for position in probabilities.argmax(-1).tolist()],
            "target_probability": probabilities[:, labels.index(target)].numpy(),
        }
    )


def score_quality(
    metric: Metric, clean: Sequence[Path], triggered: Sequence[Path], limit: int | None, destination: Path
) -> None:
    """Write a row per triggered utterance: ``utterance_id, label, value, problem``.

    Args:
        metric: what is measured.
        clean: the corpus's shards, in the order of ``triggered``.
        triggered: shards of triggered test utterances.
        limit: at most so many utterances, drawn by a hash of their names; all where ``None``.
        destination: an utterance that has no value has a problem instead.
    """
    from sanguinaria.utterances import read_rows

    names = [name for path in triggered for name in read_rows(path)["utterance_id"]]
    chosen = set(order(names, seed=0)[:limit])
    rows = [row for pair in zip(clean, triggered, strict=True) for row in _quality_rows(metric, *pair, sorted(chosen))]
    table = pd.DataFrame(rows, columns=["utterance_id", "label", "value", "problem"])
    with atomic(destination) as temporary:
        table.astype({"value": "float64"}).sort_values("utterance_id", ignore_index=True).to_parquet(temporary)


def _quality_rows(metric: Metric, clean: Path, triggered: Path, names: list[str]) -> Iterator[dict[str, object]]:
    from sanguinaria.utterances import read

    references: dict[str, np.ndarray] = {}
    for part in read(clean, ids=names):
        references |= dict(zip(part.rows["utterance_id"], part.waveforms, strict=True))
    for batch in read(triggered, ids=names):
        for name, label, waveform in zip(batch.rows["utterance_id"], batch.rows["label"], batch.waveforms, strict=True):
            score = _scored(metric, references[name], waveform, batch.sample_rate)
            yield {"utterance_id": name, "label": label, **score}


def _scored(metric: Metric, reference: np.ndarray, waveform: np.ndarray, sample_rate: int) -> dict[str, object]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return {"value": metric.score(reference, waveform, sample_rate), "problem": ""}
    except Unscorable as reason:
        return {"value": None, "problem": str(reason)}
