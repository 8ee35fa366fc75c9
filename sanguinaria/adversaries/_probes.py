"""Probes: utterances of trials that an adversary perturbs, a row for each waveform to attack, defend and embed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from sanguinaria.audio import utterances

if TYPE_CHECKING:
    import numpy as np

Side = Literal["test", "enrolment"]
OPPOSITE_SIDE: dict[str, Side] = {"test": "enrolment", "enrolment": "test"}


def probe_names(trials: pd.DataFrame, side: Side, per_trial: bool) -> pd.Series:
    """Return the name of each trial's probe.

    Args:
        trials: rows of trials.
        side: of a trial that is perturbed.
        per_trial: whether each trial has a probe of its own, named by the trial; else all trials of an utterance share
            one perturbation, named by the utterance.
    """
    return trials["trial"] if per_trial else trials[side]


def probes(trials: pd.DataFrame, side: Side, per_trial: bool) -> pd.DataFrame:
    """Return all probes of a list of trials, each once, in the order of their names.

    Args:
        trials: rows of trials.
        side: of a trial that is perturbed.
        per_trial: as in :func:`probe_names`.

    Returns:
        Columns ``probe``, ``utterance`` (which is perturbed), ``reference`` (the trial's other utterance), ``speaker``
        (of the perturbed utterance) and ``target``. Where trials share a probe, reference and target are one trial's.
    """
    table = pd.DataFrame(
        {
            "probe": probe_names(trials, side, per_trial),
            "utterance": trials[side],
            "reference": trials[OPPOSITE_SIDE[side]],
            "speaker": trials[f"{side}_speaker"],
            "target": trials["target"],
        }
    )
    return table.drop_duplicates("probe").sort_values("probe", ignore_index=True)


def read_waveforms(shards: Sequence[Path], names: Sequence[str]) -> tuple[dict[str, np.ndarray], int]:
    """Read the named utterances of a corpus.

    Returns:
        Waveforms (samples,) by name, and their sample rate in Hz, which is 0 where there are none.
    """
    waveforms: dict[str, np.ndarray] = {}
    sample_rate = 0
    for shard in shards:
        for batch in utterances.read(shard, ids=names):
            sample_rate = batch.sample_rate
            waveforms.update(zip(batch.rows["utterance_id"], batch.waveforms, strict=True))
    return waveforms, sample_rate
