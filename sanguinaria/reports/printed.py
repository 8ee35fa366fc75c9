"""Which tables of which papers there are printed numbers of. Without pandas: the Snakefile reads this."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

PRINTED_NUMBERS = Path(__file__).with_name("printed_numbers.csv")


@cache
def printed_tables() -> frozenset[tuple[str, str]]:
    """Papers and the numbers of their tables."""
    with PRINTED_NUMBERS.open(encoding="utf-8", newline="") as file:
        return frozenset((line["paper"], line["table"]) for line in csv.DictReader(file))
