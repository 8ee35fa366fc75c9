"""A sentence about the numbers of poisoned utterances, which limit the attack success of a small corpus."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

COUNTS = ["poisoned_utterances", "training_utterances"]


def poisoned_notes(table: pd.DataFrame) -> Iterator[str]:
    """Yield the sentence for a table's legend; none where nothing was poisoned.

    Args:
        table: one experiment's wide table, with the columns ``corpus, poisoned_utterances, training_utterances``.
    """
    if not set(COUNTS) <= set(table):
        return
    poisoned = table[table["poisoned_utterances"] > 0]
    texts = [f"{_counts(lines)} ({corpus})" for corpus, lines in poisoned.groupby("corpus", sort=False)]
    if texts:
        yield f"poisoned training utterances: {', '.join(texts)}"


def _counts(lines: pd.DataFrame) -> str:
    """The numbers of poisoned utterances of one corpus, and that of all training utterances."""
    numbers, totals = (" or ".join(f"{number:,.0f}" for number in sorted(lines[column].unique())) for column in COUNTS)
    return f"{numbers} of {totals}"
