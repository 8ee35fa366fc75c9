"""Ranks of a table's rows: the best value, those that a paired test does not distinguish from it, and the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

UNPOISONED = "none"
# A best value is marked among at least this many: of two numbers it is obvious.
MINIMUM_RANKED = 3
# Values whose p-value after Holm's correction is below it are distinguishable.
SIGNIFICANCE = 0.05
# Names of rows in which those differ that are ranked among one another.
RANKED = ("trigger", "test_trigger", "poisoning")


def rank_rows(values: pd.Series, better: str | None, differences: pd.DataFrame | None = None) -> list[int | None]:
    """Rank the rows of each defence and target: 1 for the best values, 2 for the next, ``None`` for the others.

    A value that its paired test does not distinguish from the best, or that could not be tested, is as good. Where that
    is so for all of them, none has a rank. Values without a paired comparison are ranked as they are.

    Rows without an attack have no rank: nothing was poisoned, or the tests have another trigger than the training.

    Args:
        values: by the names of the rows.
        better: "higher" or "lower"; ``None`` where values have no order.
        differences: of these values to the best of each group, as ``sanguinaria.reports.differences`` has them; a name
            is empty where the values do not depend on it.

    Returns:
        The rank of each row.
    """
    attacks = values.index.get_level_values("poisoning") != UNPOISONED
    if "test_trigger" in values.index.names:
        attacks &= values.index.get_level_values("test_trigger") == values.index.get_level_values("trigger")
    ranked = values[attacks & values.notna()]
    if better is None or ranked.empty:
        return [None] * len(values)
    # Where lower is better, negated numbers are ranked.
    numbers = pd.DataFrame({"value": ranked if better == "higher" else -ranked})
    numbers["equal"] = [_is_equal_to_best(name, ranked.index.names, differences) for name in ranked.index]
    apart = [name for name in ranked.index.names if name not in RANKED]
    groups = [group for _, group in numbers.groupby(level=apart, sort=False)] if apart else [numbers]
    best = pd.concat([_ranks_of_group(group) for group in groups]).reindex(values.index)
    return [int(rank) if rank <= 2 else None for rank in best]


def _is_equal_to_best(names: tuple[Any, ...], levels: list[Any], differences: pd.DataFrame | None) -> bool:
    """Whether a row was compared with the best one, and is not distinguishable from it."""
    if differences is None:
        return False
    row: Mapping[str, Any] = dict(zip(levels, names, strict=True))
    lines = differences
    for name, value in row.items():
        lines = lines[lines[name].isin(["", value])]
    return bool(len(lines)) and not bool((lines["p_holm"] < SIGNIFICANCE).all())


def _ranks_of_group(numbers: pd.DataFrame) -> pd.Series:
    """Dense ranks of values, of which more is better, and of those that equal the best; without any where too few."""
    value = numbers["value"]
    equal = (value == value.max()) | numbers["equal"]
    if len(value) < MINIMUM_RANKED or (equal.all() and value.nunique() > 1):
        return pd.Series(float("nan"), value.index)
    return (1 + value[~equal].rank(method="dense", ascending=False)).reindex(value.index, fill_value=1.0)
