"""Scores of trials: the cosine similarity between the embeddings of enrolment and test utterance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from sanguinaria.adversaries._probes import OPPOSITE_SIDE, Side, probe_names
from sanguinaria.core import parquet
from sanguinaria.core.errors import InputError

NOT_FINITE = "the embedding is not finite"


def score_trials(
    *,
    trials: Path,
    probes: Sequence[Path],
    others: Sequence[Path],
    side: Side,
    per_trial: bool,
    destination: Path,
) -> None:
    """Write the trials with ``score``, the cosine similarity of the embeddings (TDAP, Eq. 1), and ``problem``.

    Where an embedding is not finite, so is the score, and the problem is not empty.

    Args:
        trials: as :mod:`sanguinaria.steps.verification.trials` writes them.
        probes: files of embeddings of the attacked and defended utterances, or of the corpus's own.
        others: files of embeddings of the corpus's utterances.
        side: "test" or "enrolment", the utterance of a trial that is the probe.
        per_trial: whether probes are named by their trials (:mod:`sanguinaria.adversaries._probes`).
        destination: file of the rows.

    Raises:
        InputError: an utterance has no embedding.
    """
    table = parquet.read(trials)
    pair = _embeddings(probes, probe_names(table, side, per_trial)), _embeddings(others, table[OPPOSITE_SIDE[side]])
    scores = cosine_similarity(*pair)
    problems = np.where(np.isfinite(scores), "", NOT_FINITE)
    parquet.write(table.assign(score=scores, problem=pd.Series(problems, dtype="str")), destination)


def _embeddings(files: Sequence[Path], names: pd.Series) -> np.ndarray:
    """Embeddings (names, dimensions)."""
    rows = pd.concat([parquet.read(path) for path in files])
    embeddings = rows.set_index("utterance_id")["embedding"]
    if absent := [name for name in names if name not in embeddings.index]:
        raise InputError(f"{len(absent)} utterances of the trials have no embedding, {absent[0]} first: run again")
    return np.stack(embeddings.loc[names].to_numpy()).astype(np.float64)


def cosine_similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the cosine similarity of the rows of two arrays.

    Args:
        first: (trials, dimensions).
        second: (trials, dimensions).

    Returns:
        (trials,), not a number where a row has norm 0.

    >>> cosine_similarity(np.array([[1.0, 0.0], [3.0, 4.0]]), np.array([[2.0, 0.0], [4.0, -3.0]])).tolist()
    [1.0, 0.0]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
        similarities: np.ndarray = (first * second).sum(1) / norms
    return similarities
