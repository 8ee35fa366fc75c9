"""Ranks of a table's rows: the best value, those as good, and the next."""

from __future__ import annotations

import pandas as pd

UNPOISONED = "none"
# A best value is marked among at least this many: of two numbers it is obvious.
MINIMUM_RANKED = 3


def rank_rows(values: pd.Series, low: pd.Series, high: pd.Series, better: str | None) -> list[int | None]:
    """Rank the rows of a defence: 1 for the best values, 2 for the next, ``None`` for the others.

    A value whose interval overlaps that of the best is as good: the measurement does not tell them apart. Where that is
    so for all of them, none has a rank.

    Rows without an attack have no rank: nothing was poisoned, or the tests have another trigger than the training.

    Args:
        values: by the names of the rows.
        low, high: the ends of their intervals, missing where there are none.
        better: "higher" or "lower"; ``None`` where values have no order.

    Returns:
        The rank of each row.
    """
    attacks = values.index.get_level_values("poisoning") != UNPOISONED
    if "test_trigger" in values.index.names:
        attacks &= values.index.get_level_values("test_trigger") == values.index.get_level_values("trigger")
    # Where lower is better, negated numbers are ranked.
    sign, worst, top = (1, low, high) if better == "higher" else (-1, high, low)
    numbers = pd.DataFrame({"value": sign * values, "worst": sign * worst, "top": sign * top})
    ranked = numbers[attacks & values.notna()]
    if better is None or ranked.empty:
        return [None] * len(values)
    several = "defence" in ranked.index.names
    defences = ranked.index.get_level_values("defence") if several else [""] * len(ranked)
    best = pd.concat([_ranks_of_group(group) for _, group in ranked.groupby(defences)]).reindex(values.index)
    return [int(rank) if rank <= 2 else None for rank in best]


def _ranks_of_group(numbers: pd.DataFrame) -> pd.Series:
    """Dense ranks of values, of which more is better, with the ends of their intervals; without any where too few."""
    value = numbers["value"]
    best = numbers["worst"].iloc[value.to_numpy().argmax()]
    equal = (value == value.max()) | (numbers["top"] >= best)
    if len(value) < MINIMUM_RANKED or (equal.all() and value.nunique() > 1):
        return pd.Series(float("nan"), value.index)
    return (1 + value[~equal].rank(method="dense", ascending=False)).reindex(value.index, fill_value=1.0)
