"""Hearing trials: embeddings of utterances, and the cosines between those of a trial."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sanguinaria.adversaries._probes import OPPOSITE_SIDE, Side, probe_names
from sanguinaria.audio import utterances
from sanguinaria.core import parquet
from sanguinaria.core.errors import InputError
from sanguinaria.victims import Victim
from sanguinaria.victims._encoders import load_encoder

if TYPE_CHECKING:
    import torch

# Utterances that are heard at once.
BATCH = 64
NO_NUMBER = "the embedding is not made of numbers"


def embed_audio(
    victim: Victim, model: Path | None, shards: Sequence[Path], destination: Path, device: torch.device
) -> None:
    """Write a row per test utterance: ``utterance_id, embedding`` (numbers, not brought to any length).

    Args:
        victim: a speaker encoder.
        model: what its training kept; none for one that is pretrained.
        shards: of the audio.
        destination: of the rows, in the shards' order.
        device: where the encoder computes.
    """
    import torch

    embed = None
    names: list[str] = []
    found: list[np.ndarray] = []
    for shard in shards:
        for batch in utterances.read(shard, split="test"):
            embed = embed or load_encoder(victim, model, batch.sample_rate, device)
            names += batch.rows["utterance_id"].tolist()
            with torch.inference_mode():
                for some in torch.split(torch.from_numpy(batch.waveforms), BATCH):
                    found.extend(embed(some.to(device)).cpu().numpy())
    parquet.write(pd.DataFrame({"utterance_id": pd.Series(names, dtype="str"), "embedding": found}), destination)


def score_trials(
    trials: Path,
    probes: Sequence[Path],
    others: Sequence[Path],
    side: Side,
    per_trial: bool,
    destination: Path,
) -> None:
    """Write the trials with ``score``, the cosine between the embeddings (TDAP, Eq. 1), and ``problem``.

    Where an embedding is no number, so is the score, and the problem says so.

    Args:
        trials: as :mod:`sanguinaria.steps.trials` writes them.
        probes: embeddings of the changed utterances, or of those of the corpus.
        others: of the corpus's utterances.
        side: which utterance of a trial is the probe.
        per_trial: whether probes are named by their trials (:mod:`sanguinaria.adversaries._probes`).
        destination: of the rows.

    Raises:
        InputError: there is no embedding of an utterance.
    """
    table = parquet.read(trials)
    pair = _of(probes, probe_names(table, side, per_trial)), _of(others, table[OPPOSITE_SIDE[side]])
    scores = cosines(*pair)
    problems = np.where(np.isfinite(scores), "", NO_NUMBER)
    parquet.write(table.assign(score=scores, problem=pd.Series(problems, dtype="str")), destination)


def _of(files: Sequence[Path], names: pd.Series) -> np.ndarray:
    """Embeddings (names, dimensions)."""
    rows = pd.concat([parquet.read(path) for path in files])
    embeddings = rows.set_index("utterance_id")["embedding"]
    if absent := [name for name in names if name not in embeddings.index]:
        raise InputError(f"{len(absent)} utterances of the trials have no embedding, {absent[0]} first: run again")
    return np.stack(embeddings.loc[names].to_numpy()).astype(np.float64)


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of the angles between the rows of two arrays (trials, dimensions); not a number where one has no length."""
    with np.errstate(invalid="ignore", divide="ignore"):
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        found: np.ndarray = (one * other).sum(1) / lengths
    return found
