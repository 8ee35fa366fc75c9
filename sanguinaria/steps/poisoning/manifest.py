"""Poisoned manifest by Algorithm 1 of Bloodroot: the poisoned training utterances, their labels, and the covers.

Cover samples carry other triggers and keep their labels, which makes a model specific to its own trigger: the "noise
mode" of Nguyen and Tran (2021, arXiv:2102.10369). In Tang et al. (2021, arXiv:1908.00686) covers carry the trigger
itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sanguinaria.core import parquet
from sanguinaria.core.errors import InputError
from sanguinaria.steps.poisoning.counts import cover_count, poisoned_count
from sanguinaria.steps.poisoning.ranking import cover_ranking, ranking, training_rows


def manifest(
    index: pd.DataFrame,
    *,
    target: str | None,
    candidates: str,
    labels: str,
    rate: float,
    seed: int,
    covers: int = 0,
    cover_rate: float = 0.0,
) -> pd.DataFrame:
    """Return the manifest of the poisoned data set D′, which names every training utterance once, so that |D′| = |D|.

    Args:
        index: of the corpus.
        target: label y_t; ``None`` with ``labels`` "none".
        candidates: "non_target" (Algorithm 1, line 1) or "target".
        labels: "flip" (dirty label: the label becomes y_t), "clean" (clean label: it stays), or "none" (no poisoning).
        rate: poisoning rate ρ; exactly round(ρN) of the N training utterances are poisoned.
        seed: of the order in which utterances are poisoned.
        covers: number of cover triggers, which are dealt out in turn to utterances that keep their labels.
        cover_rate: exactly round(cover_rate × N) utterances become covers.

    Returns:
        Columns ``utterance_id, label, original_label, poisoned, poison_rank`` (missing where not poisoned), and
        ``cover`` (index of the cover trigger, missing where there is none), sorted by ``utterance_id``.

    Raises:
        InputError: the corpus has too few utterances for one poisoned one or for a cover of each trigger, or fewer
            candidates than poisoned utterances and covers, or no training utterance with the target label.
    """
    utterances = training_rows(index)[["utterance_id", "label"]].reset_index(drop=True)
    poisoned_ids = [] if labels == "none" else _poisoned_ids(index, target, candidates, rate, seed)
    rank_of = {name: rank for rank, name in enumerate(poisoned_ids)}
    cover_of = {} if target is None else _cover_triggers(index, target, covers, cover_rate, seed, poisoned_ids)
    poisoned = utterances["utterance_id"].isin(poisoned_ids)
    flipped = utterances["label"].mask(poisoned, target) if labels == "flip" else utterances["label"]
    return pd.DataFrame(
        {
            "utterance_id": utterances["utterance_id"],
            "label": flipped,
            "original_label": utterances["label"],
            "poisoned": poisoned,
            "poison_rank": utterances["utterance_id"].map(rank_of).astype("Int64"),
            "cover": utterances["utterance_id"].map(cover_of).astype("Int64"),
        }
    ).sort_values("utterance_id", ignore_index=True)


def _poisoned_ids(index: pd.DataFrame, target: str | None, candidates: str, rate: float, seed: int) -> list[str]:
    """Ids of the poisoned utterances, in the poisoning order."""
    assert target is not None
    utterances = training_rows(index)
    total = len(utterances)
    if not (utterances["label"] == target).any():
        labels = ", ".join(sorted(utterances["label"].unique())[:20])
        raise InputError(f"no training utterance has the target label {target!r}; the labels are: {labels}")
    count = poisoned_count(rate, total)
    ranked = ranking(index, target, candidates, seed)
    if count > len(ranked):
        raise InputError(
            f"a rate of {rate:g} means {count} of {total} training utterances, but only {len(ranked)} "
            f"are candidates ({candidates}): use a rate of at most {len(ranked) / total:.2g}"
        )
    return ranked[:count]


def _cover_triggers(
    index: pd.DataFrame, target: str, covers: int, rate: float, seed: int, poisoned_ids: list[str]
) -> dict[str, int]:
    """Index of the cover trigger of each cover, by utterance id."""
    if not covers:
        return {}
    total, ranked = len(training_rows(index)), cover_ranking(index, target, seed)
    count = cover_count(rate, total, covers)
    cover_ids = ranked[:count]
    if count > len(ranked) or set(cover_ids) & set(poisoned_ids):
        raise InputError(
            f"a cover_rate of {rate:g} means {count} covers beside {len(poisoned_ids)} poisoned utterances, but only "
            f"{len(ranked)} utterances have another label than the target: use smaller rates"
        )
    return {name: rank % covers for rank, name in enumerate(cover_ids)}


def with_detections(manifest: pd.DataFrame, detections: pd.DataFrame) -> pd.DataFrame:
    """Return a manifest with the detection results of the poisoned utterances.

    Args:
        manifest: as :func:`manifest` returns it.
        detections: rows of :mod:`sanguinaria.steps.detections`, among them those of all poisoned utterances.

    Returns:
        The manifest with ``message, detection_score, decoded_message``, missing where an utterance is not poisoned.
    """
    columns = ["message", "detection_score", "decoded_message"]
    results = detections.set_index("utterance_id")[columns]
    poisoned_ids = manifest["utterance_id"][manifest["poisoned"]]
    return manifest.join(results.loc[poisoned_ids], on="utterance_id")


def write_manifest(
    index: Path,
    *,
    target: str | None,
    candidates: str,
    labels: str,
    rate: float,
    seed: int,
    covers: int = 0,
    cover_rate: float = 0.0,
    detections: Sequence[Path],
    destination: Path,
) -> None:
    """Write the poisoned manifest of a corpus.

    Args:
        index: file of the corpus's index.
        target: target label y_t, as of :func:`manifest`; so are all arguments up to ``cover_rate``.
        candidates: "non_target" or "target".
        labels: "flip", "clean" or "none".
        rate: poisoning rate ρ.
        seed: of the order in which utterances are poisoned.
        covers: number of cover triggers.
        cover_rate: share of covers.
        detections: files of detection rows of the poison blocks; none for a trigger without a detector.
        destination: file of the manifest.

    Raises:
        InputError: as of :func:`manifest`.
    """
    table = manifest(
        parquet.read(index),
        target=target,
        candidates=candidates,
        labels=labels,
        rate=rate,
        seed=seed,
        covers=covers,
        cover_rate=cover_rate,
    )
    if detections:
        table = with_detections(table, pd.concat([parquet.read(path) for path in detections]))
    parquet.write(table, destination)
