"""Audio quality of attacked and defended probes, relative to the utterances that they were made from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sanguinaria.adversaries._probes import Side, probes, read_waveforms
from sanguinaria.audio import utterances
from sanguinaria.core import parquet
from sanguinaria.core.random_streams import random_order
from sanguinaria.metrics import Metric
from sanguinaria.steps.quality import value_or_problem


def score_probes(
    metric: Metric,
    *,
    trials: Path,
    side: Side,
    per_trial: bool,
    limit: int | None,
    clean: Sequence[Path],
    audio: Sequence[Path],
    destination: Path,
) -> None:
    """Write a row per probe: ``probe, speaker, value, problem``.

    Args:
        metric: of audio quality.
        trials: as :mod:`sanguinaria.steps.verification.trials` writes them.
        side: "test" or "enrolment", the utterance of a trial that is the probe.
        per_trial: whether probes are named by their trials (:mod:`sanguinaria.adversaries._probes`).
        limit: largest number of probes that are scored, drawn by a hash of their names; all where ``None``.
        clean: all shards of the corpus.
        audio: shards of the probes' audio.
        destination: file of the rows; a probe without a value has a problem instead.
    """
    table = probes(parquet.read(trials), side, per_trial)
    names = random_order(table["probe"], seed=0)[:limit]
    utterance_of = table.set_index("probe")["utterance"]
    references, _ = read_waveforms(clean, utterance_of.loc[names].unique().tolist())
    speaker_of = table.set_index("probe")["speaker"]
    rows: list[tuple[str, str, float | None, str]] = []
    for path in audio:
        for batch in utterances.read(path, ids=names):
            for name, waveform in zip(batch.rows["utterance_id"], batch.waveforms, strict=True):
                reference = references[utterance_of[name]]
                value, problem = value_or_problem(metric.score, reference, waveform, batch.sample_rate)
                rows.append((name, speaker_of[name], value, problem))
    dtypes = {"probe": "str", "speaker": "str", "value": "float64", "problem": "str"}
    values = pd.DataFrame(rows, columns=list(dtypes)).astype(dtypes)
    parquet.write(values.sort_values("probe", ignore_index=True), destination)
