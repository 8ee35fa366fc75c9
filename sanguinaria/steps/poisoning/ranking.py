"""Seeded order in which training utterances are poisoned or become covers."""

from __future__ import annotations

import pandas as pd

from sanguinaria.core.random_streams import random_order
from sanguinaria.steps.poisoning.blocks import PoisonBlock


def training_rows(index: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the training set D in a corpus's index."""
    return index[index["split"] == "train"]


def ranking(index: pd.DataFrame, target: str, candidates: str, seed: int) -> list[str]:
    """Return the candidates in the order in which they are poisoned.

    Args:
        index: of the corpus.
        target: label y_t.
        candidates: "non_target" for I_non, the utterances of other labels, or "target" for the target's own.
        seed: of the order.

    Returns:
        Utterance ids.
    """
    utterances = training_rows(index)
    is_target = utterances["label"] == target
    return random_order(utterances["utterance_id"][is_target if candidates == "target" else ~is_target], seed)


def cover_ranking(index: pd.DataFrame, target: str, seed: int) -> list[str]:
    """Return the utterances of non-target labels in the order in which they become covers.

    It is the reverse of the poisoning order, so that covers are the last utterances to be poisoned.

    Args:
        index: of the corpus.
        target: label y_t.
        seed: of the order.

    Returns:
        Utterance ids.
    """
    return ranking(index, target, "non_target", seed)[::-1]


def block_members(index: pd.DataFrame, block: PoisonBlock) -> list[str]:
    """Return the ids of the utterances of one block."""
    ranks = block.ranks(len(training_rows(index)))
    if block.covers:
        return cover_ranking(index, block.target, block.seed)[ranks.start : ranks.stop : ranks.step]
    return ranking(index, block.target, block.candidates, block.seed)[ranks.start : ranks.stop]
