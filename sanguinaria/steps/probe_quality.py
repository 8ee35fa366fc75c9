"""Rows of quality: how far the audio of trials is from what it was before it was attacked and defended."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sanguinaria.adversaries._probes import Side, probes, read_waveforms
from sanguinaria.audio import utterances
from sanguinaria.core import parquet
from sanguinaria.core.random_streams import random_order
from sanguinaria.metrics import Metric, Unscorable


def score_probes(
    metric: Metric,
    trials: Path,
    side: Side,
    per_trial: bool,
    limit: int | None,
    clean: Sequence[Path],
    audio: Sequence[Path],
    destination: Path,
) -> None:
    """Write a row per probe: ``probe, value, problem``.

    Args:
        metric: what is measured.
        trials: as :mod:`sanguinaria.steps.trials` writes them.
        side: which utterance of a trial is the probe.
        per_trial: whether probes are named by their trials (:mod:`sanguinaria.adversaries._probes`).
        limit: at most so many of all probes, drawn by a hash of their names; all where ``None``.
        clean: all shards of the corpus.
        audio: some shards of the probes' audio.
        destination: a probe that has no value has a problem instead.
    """
    table = probes(parquet.read(trials), side, per_trial)
    chosen = random_order(table["probe"], seed=0)[:limit]
    utterance_of = table.set_index("probe")["utterance"]
    references, _ = read_waveforms(clean, utterance_of.loc[chosen].unique().tolist())
    rows: list[tuple[str, float | None, str]] = []
    for path in audio:
        for batch in utterances.read(path, ids=chosen):
            for name, waveform in zip(batch.rows["utterance_id"], batch.waveforms, strict=True):
                value, problem = None, ""
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore", DeprecationWarning)
                        value = metric.score(references[utterance_of[name]], waveform, batch.sample_rate)
                except Unscorable as reason:
                    problem = str(reason)
                rows.append((name, value, problem))
    found = pd.DataFrame(rows, columns=["probe", "value", "problem"])
    kinds = {"probe": "str", "value": "float64", "problem": "str"}
    parquet.write(found.astype(kinds).sort_values("probe", ignore_index=True), destination)
