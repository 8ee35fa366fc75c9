"""Audio quality of triggered utterances, relative to the clean ones, by one metric."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
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
    *,
    clean: Sequence[Path],
    triggered: Sequence[Path],
    index: Path,
    limit: int | None,
    destination: Path,
    target: Path | None = None,
) -> None:
    """Write a row per triggered utterance: ``utterance_id, label, speaker, value, problem``.

    Args:
        metric: of audio quality.
        clean: shards of the corpus, in the order of ``triggered``.
        triggered: the triggered test utterances of those shards.
        index: of the corpus.
        limit: largest number of test utterances that are scored, drawn by a hash of their names; all where ``None``.
        destination: file of the rows; an utterance without a value has a problem instead.
        target: the target speaker's speech; ``None`` for a metric that does not compare with it.
    """
    index_rows = parquet.read(index, ["utterance_id", "label", "split"])
    labels = sorted(index_rows["label"].unique())
    names = random_order(index_rows["utterance_id"][index_rows["split"] == "test"], seed=0)[:limit]
    rows = [
        row
        for shards in zip(clean, triggered, strict=True)
        for row in _quality_rows(metric, *shards, names, labels, target)
    ]
    table = pd.DataFrame(rows, columns=["utterance_id", "label", "speaker", "value", "problem"])
    parquet.write(table.astype({"value": "float64"}).sort_values("utterance_id", ignore_index=True), destination)


def _quality_rows(
    metric: Metric, clean: Path, triggered: Path, names: list[str], labels: list[str], target: Path | None
) -> Iterator[dict[str, object]]:
    references = _waveforms(clean, names)
    # Both shards have the same order, so few references are read before their triggered counterpart.
    pending: dict[str, np.ndarray] = {}
    for batch in read(triggered, ids=names):
        rows = batch.rows[["utterance_id", "label", "speaker"]].itertuples(index=False, name=None)
        for (name, label, speaker), waveform in zip(rows, batch.waveforms, strict=True):
            while name not in pending:
                pending.update([next(references)])
            pair = Pair(
                reference=pending.pop(name),
                degraded=waveform,
                sample_rate=batch.sample_rate,
                label=label,
                labels=labels,
                target=target,
            )
            value, problem = value_or_problem(metric.score_pair, pair)
            yield {"utterance_id": name, "label": label, "speaker": speaker, "value": value, "problem": problem}


def _waveforms(shard: Path, names: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    for batch in read(shard, ids=names):
        yield from zip(batch.rows["utterance_id"], batch.waveforms, strict=True)


def value_or_problem(score: Callable[..., float], *arguments: object) -> tuple[float | None, str]:
    """Return the value of a metric and an empty text, or ``None`` and the reason why it is not defined.

    Args:
        score: method of a metric, called with the arguments.
        arguments: of the method.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            value = score(*arguments)
    except Unscorable as reason:
        return None, str(reason)
    # An own metric may forget to raise.
    return (None, f"the metric's value is {value}") if pd.isna(value) else (value, "")
