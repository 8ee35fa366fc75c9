"""Poisoning by Algorithm 1 of Bloodroot: which training utterances get the trigger, and what label they then carry.

Covers carry other triggers and keep their labels, so that a model learns what is not the trigger: so in Nguyen and Tran
(2021, arXiv:2102.10369, the "noise mode"); Tang et al. (2021, arXiv:1908.00686) give covers the trigger itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sanguinaria.core import parquet
from sanguinaria.core.errors import InputError
from sanguinaria.core.random_streams import random_order
from sanguinaria.steps.poisoning_order import PoisonBlock


def training(index: pd.DataFrame) -> pd.DataFrame:
    """The training utterances D of a corpus's index."""
    return index[index["split"] == "train"]


def ranking(index: pd.DataFrame, target: str, candidates: str, seed: int) -> list[str]:
    """The candidates I_non (or the target's own utterances) in the order in which they are poisoned."""
    utterances = training(index)
    is_target = utterances["label"] == target
    return random_order(utterances["utterance_id"][is_target if candidates == "target" else ~is_target], seed)


def covering(index: pd.DataFrame, target: str, seed: int) -> list[str]:
    """Utterances of other labels than the target in the order in which they become covers: the last to be poisoned."""
    return ranking(index, target, "non_target", seed)[::-1]


def block_members(index: pd.DataFrame, block: PoisonBlock) -> list[str]:
    """The utterances of one block of the order."""
    ranks = block.ranks(len(training(index)))
    if block.covers:
        return covering(index, block.target, block.seed)[ranks.start : ranks.stop : ranks.step]
    return ranking(index, block.target, block.candidates, block.seed)[ranks.start : ranks.stop]


def manifest(
    index: pd.DataFrame,
    target: str | None,
    candidates: str,
    labels: str,
    rate: float,
    seed: int,
    covers: int = 0,
    cover_rate: float = 0.0,
) -> pd.DataFrame:
    """The poisoned data set D′: every training utterance once, so that |D′| = |D|.

    Args:
        index: of the corpus.
        target: label y_t; ``None`` with ``labels`` "none".
        candidates: "non_target" (Algorithm 1, line 1) or "target".
        labels: "flip" (the label becomes y_t), "clean" (it stays), or "none" (nothing is poisoned).
        rate: ρ; exactly round(ρN) of the N training utterances are poisoned.
        seed: of the choice.
        covers: how many other triggers are dealt out in turn to utterances that keep their labels.
        cover_rate: exactly round(cover_rate × N) utterances get one of those.

    Returns:
        Columns ``utterance_id, label, original_label, poisoned, poison_rank`` (missing where not), and ``cover`` (the
        number of the other trigger, missing where there is none), by name.

    Raises:
        InputError: the corpus has too few utterances for one poisoned one or a cover of each kind, or fewer candidates
            than are to be poisoned and to be covers, or no training utterance with the target label.
    """
    utterances = training(index)[["utterance_id", "label"]].reset_index(drop=True)
    chosen = [] if labels == "none" else _chosen(index, target, candidates, rate, seed)
    ranks = {name: rank for rank, name in enumerate(chosen)}
    other = {} if target is None else _covers(index, target, covers, cover_rate, seed, chosen)
    poisoned = utterances["utterance_id"].isin(chosen)
    flipped = utterances["label"].mask(poisoned, target) if labels == "flip" else utterances["label"]
    return pd.DataFrame(
        {
            "utterance_id": utterances["utterance_id"],
            "label": flipped,
            "original_label": utterances["label"],
            "poisoned": poisoned,
            "poison_rank": utterances["utterance_id"].map(ranks).astype("Int64"),
            "cover": utterances["utterance_id"].map(other).astype("Int64"),
        }
    ).sort_values("utterance_id", ignore_index=True)


def _chosen(index: pd.DataFrame, target: str | None, candidates: str, rate: float, seed: int) -> list[str]:
    assert target is not None
    utterances = training(index)
    total = len(utterances)
    if not (utterances["label"] == target).any():
        known = ", ".join(sorted(utterances["label"].unique())[:20])
        raise InputError(f"no training utterance has the target label {target!r}; the labels are: {known}")
    count = round(rate * total)
    ranked = ranking(index, target, candidates, seed)
    if count == 0:
        raise InputError(
            f"a rate of {rate:g} poisons none of {total} training utterances: "
            f"use a rate of at least {1 / total:.2g}, or a larger corpus"
        )
    if count > len(ranked):
        raise InputError(
            f"a rate of {rate:g} means {count} of {total} training utterances, but only {len(ranked)} "
            f"are candidates ({candidates}): use a rate of at most {len(ranked) / total:.2g}"
        )
    return ranked[:count]


def _covers(
    index: pd.DataFrame, target: str, covers: int, rate: float, seed: int, poisoned: list[str]
) -> dict[str, int]:
    """For each cover the number of its trigger."""
    if not covers:
        return {}
    total, ranked = len(training(index)), covering(index, target, seed)
    count = round(rate * total)
    if count < covers:
        raise InputError(
            f"a cover_rate of {rate:g} makes {count} covers of {total} training utterances, fewer than there are "
            f"triggers to cover with ({covers}): use a rate of at least {covers / total:.2g}"
        )
    chosen = ranked[:count]
    if count > len(ranked) or set(chosen) & set(poisoned):
        raise InputError(
            f"a cover_rate of {rate:g} means {count} covers beside {len(poisoned)} poisoned utterances, but only "
            f"{len(ranked)} utterances have another label than the target: use smaller rates"
        )
    return {name: rank % covers for rank, name in enumerate(chosen)}


def with_detections(manifest: pd.DataFrame, detections: pd.DataFrame) -> pd.DataFrame:
    """A manifest with what the trigger's detector says of the poisoned utterances: ``message, detection_score,
    decoded_message``, all missing where an utterance is not poisoned."""
    columns = ["message", "detection_score", "decoded_message"]
    found = detections.set_index("utterance_id")[columns]
    poisoned = manifest["utterance_id"][manifest["poisoned"]]
    return manifest.join(found.loc[poisoned], on="utterance_id")


def write_manifest(
    index: Path,
    target: str | None,
    candidates: str,
    labels: str,
    rate: float,
    seed: int,
    detections: Sequence[Path],
    destination: Path,
    covers: int = 0,
    cover_rate: float = 0.0,
) -> None:
    """Write the manifest of a corpus whose index is at ``index``, with the rows of the poison blocks' detections."""
    table = manifest(parquet.read(index), target, candidates, labels, rate, seed, covers, cover_rate)
    if detections:
        table = with_detections(table, pd.concat([parquet.read(path) for path in detections]))
    parquet.write(table, destination)
