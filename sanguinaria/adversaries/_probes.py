"""Probes: what of a trial an adversary changes, in rows that are audio to be made, defended and heard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from sanguinaria.audio import utterances

if TYPE_CHECKING:
    import numpy as np

Side = Literal["test", "enrolment"]
OTHER: dict[str, Side] = {"test": "enrolment", "enrolment": "test"}


def probe_names(trials: pd.DataFrame, side: Side, per_trial: bool) -> pd.Series:
    """The name of each trial's probe: the trial's own, or the utterance's, where all trials have it changed alike."""
    return trials["trial"] if per_trial else trials[side]


def probes(trials: pd.DataFrame, side: Side, per_trial: bool) -> pd.DataFrame:
    """All probes of some trials, each once, in the order of their names.

    Returns:
        columns ``probe, utterance`` (which is changed), ``other`` (of the trial), ``speaker`` (of the utterance) and
        ``target``; other and target are those of one of the trials, where a probe belongs to several.
    """
    table = pd.DataFrame(
        {
            "probe": probe_names(trials, side, per_trial),
            "utterance": trials[side],
            "other": trials[OTHER[side]],
            "speaker": trials[f"{side}_speaker"],
            "target": trials["target"],
        }
    )
    return table.drop_duplicates("probe").sort_values("probe", ignore_index=True)


def waveforms_of(shards: Sequence[Path], names: Sequence[str]) -> tuple[dict[str, np.ndarray], int]:
    """Some utterances of a corpus by name, (samples,) each, and their sample rate; 0 where there are none."""
    found: dict[str, np.ndarray] = {}
    sample_rate = 0
    for shard in shards:
        for batch in utterances.read(shard, ids=names):
            sample_rate = batch.sample_rate
            found.update(zip(batch.rows["utterance_id"], batch.waveforms, strict=True))
    return found, sample_rate
