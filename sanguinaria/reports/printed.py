"""Which tables of which papers there are printed numbers of. Without pandas: the Snakefile reads this."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

# Columns that name entries of a configuration.
ENTRIES = ("corpus", "target", "trigger", "heard", "victim", "attack", "defence", "watermark", "distortion")
PRINTED_NUMBERS = Path(__file__).with_name("printed_numbers.csv")


@cache
def printed_tables() -> frozenset[tuple[str, str]]:
    """Papers and the numbers of their tables."""
    return frozenset((line["paper"], line["table"]) for line in _lines())


@cache
def printed_entries(paper: str, table: str) -> frozenset[str]:
    """What the numbers of a table are of: a paper's names of its corpora, triggers, models, and so on."""
    chosen = (line for line in _lines() if (line["paper"], line["table"]) == (paper, table))
    return frozenset(line[name] for line in chosen for name in ENTRIES) - {""}


@cache
def _lines() -> tuple[dict[str, str], ...]:
    with PRINTED_NUMBERS.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))
