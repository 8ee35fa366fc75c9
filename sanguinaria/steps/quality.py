"""Rows of quality: how far a trigger changed each test utterance, by one metric."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sanguinaria.audio.utterances import read
from sanguinaria.core import parquet
from sanguinaria.core.random_streams import random_order
from sanguinaria.metrics import Metric, Pair, Unscorable

if TYPE_CHECKING:
    import numpy as np


def score_quality(
    metric: Metric,
    clean: Sequence[Path],
    triggered: Sequence[Path],
    index: Path,
    limit: int | None,
    destination: Path,
    target: Path | None = None,
) -> None:
    """Write a row per triggered utterance: ``utterance_id, label, value, problem``.

    Args:
        metric: what is measured.
        clean: some of the corpus's shards, in the order of ``triggered``.
        triggered: those shards' triggered test utterances.
        index: of the corpus.
        limit: at most so many of all test utterances, drawn by a hash of their names; all where ``None``.
        destination: an utterance that has no value has a problem instead.
        target: the target speaker's speech, where the trigger has one.
    """
    rows_of_all = parquet.read(index, ["utterance_id", "label", "split"])
    labels = sorted(rows_of_all["label"].unique())
    chosen = random_order(rows_of_all["utterance_id"][rows_of_all["split"] == "test"], seed=0)[:limit]
    rows = [
        row
        for shards in zip(clean, triggered, strict=True)
        for row in _quality_rows(metric, *shards, chosen, labels, target)
    ]
    table = pd.DataFrame(rows, columns=["utterance_id", "label", "value", "problem"])
    parquet.write(table.astype({"value": "float64"}).sort_values("utterance_id", ignore_index=True), destination)


def _quality_rows(
    metric: Metric, clean: Path, triggered: Path, names: list[str], labels: list[str], target: Path | None
) -> Iterator[dict[str, object]]:
    references = _waveforms(clean, names)
    # Both are in one order, so there are never many that wait for their counterpart.
    waiting: dict[str, np.ndarray] = {}
    for batch in read(triggered, ids=names):
        for name, label, waveform in zip(batch.rows["utterance_id"], batch.rows["label"], batch.waveforms, strict=True):
            while name not in waiting:
                waiting.update([next(references)])
            pair = Pair(waiting.pop(name), waveform, batch.sample_rate, label, labels, target)
            yield {"utterance_id": name, "label": label, **_scored(metric, pair)}


def _waveforms(shard: Path, names: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    for batch in read(shard, ids=names):
        yield from zip(batch.rows["utterance_id"], batch.waveforms, strict=True)


def _scored(metric: Metric, pair: Pair) -> dict[str, object]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return {"value": metric.score_pair(pair), "problem": ""}
    except Unscorable as reason:
        return {"value": None, "problem": str(reason)}
