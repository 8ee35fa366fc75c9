"""Audible quality of the marked recordings: PESQ, ViSQOL and SNR, mean and worst."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sanguinaria.core import plugins
from sanguinaria.core.atomic_files import write_text
from sanguinaria.corpora import Corpus
from sanguinaria.metrics import Metric, Unscorable
from sanguinaria.ownership.owner_folder import PUBLISHED, OwnerFolder, load_corpus, read_rows, write_rows

METRICS = ("pesq", "visqol", "snr")
# Worst clips that are named.
NAMED = 5


def measure_quality(folder: OwnerFolder, limit: int = 200) -> dict[str, Any]:
    """Compute the metrics of marked recordings, and write them by recording (CSV) and in summary (JSON).

    Args:
        folder: of a claim whose marked copy is written.
        limit: largest number of recordings, the first by name.

    Returns:
        Of each metric: count, mean, worst value, and the worst recordings by name.
    """
    corpus = load_corpus(folder)
    sources = {recording.utterance_id: recording.source for recording in corpus.recordings()}
    marked = [row for row in read_rows(folder.table, PUBLISHED) if row["marked"] == "1"]
    metrics = {name: _metric(name) for name in METRICS if name != "visqol" or importlib.util.find_spec("visqol")}
    rows = [
        {"path": row["path"], **_values(metrics, corpus, sources[row["utterance_id"]], folder.published / row["path"])}
        for row in sorted(marked, key=lambda row: row["path"])[:limit]
    ]
    summary = {"marked": len(marked), **{name: _summary(name, rows) for name in metrics}}
    write_rows(folder.root / "owner" / "quality.csv", ("path", *metrics), rows)
    write_text(folder.root / "owner" / "quality.json", json.dumps(summary, indent=1))
    return summary


def _metric(name: str) -> Metric:
    # Silence around a clip, as the authors of ViSQOL recommend.
    metric = plugins.build("metrics", {"kind": name, **({"silence": 0.5} if name == "visqol" else {})})
    assert isinstance(metric, Metric)
    return metric


def _values(metrics: Mapping[str, Metric], corpus: Corpus, source: str, published: Path) -> dict[str, float | str]:
    """Values of one recording, mixed down; empty where a metric has none."""
    import soundfile

    reference, rate, _ = corpus.read(source)
    degraded, _ = soundfile.read(published, dtype="float32", always_2d=True)
    values: dict[str, float | str] = {}
    for name, metric in metrics.items():
        try:
            values[name] = round(metric.score(reference.mean(1), degraded.mean(1), rate), 4)
        except Unscorable:
            values[name] = ""
    return values


def _summary(name: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    scored = sorted((row for row in rows if row[name] != ""), key=lambda row: float(row[name]))
    values = [float(row[name]) for row in scored]
    return {
        "count": len(values),
        "mean": round(float(np.mean(values)), 3) if values else None,
        "worst": values[0] if values else None,
        "worst_recordings": [row["path"] for row in scored[:NAMED]],
    }
