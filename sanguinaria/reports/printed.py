"""The tables of papers whose printed numbers are known. Without pandas: the Snakefile imports this."""

from __future__ import annotations

import csv
import hashlib
import json
from functools import cache
from pathlib import Path

# Columns that name entries of a configuration.
ENTRIES = ("corpus", "target", "trigger", "test_trigger", "victim", "attack", "defence", "watermark", "distortion")
PRINTED_NUMBERS = Path(__file__).with_name("printed_numbers.csv")


@cache
def printed_tables() -> frozenset[tuple[str, str]]:
    """Return the papers and the numbers of their tables."""
    return frozenset((line["paper"], line["table"]) for line in _lines())


@cache
def printed_entries(paper: str, table: str) -> frozenset[str]:
    """Return a paper's names of the corpora, triggers, models, and so on, in one of its tables."""
    lines = (line for line in _lines() if (line["paper"], line["table"]) == (paper, table))
    return frozenset(line[name] for line in lines for name in ENTRIES) - {""}


def printed_digest(paper: str, table: str) -> str:
    """Return a hash of the printed numbers of one table: 16 hexadecimal digits."""
    lines = [line for line in _lines() if (line["paper"], line["table"]) == (paper, table)]
    return hashlib.sha256(json.dumps(lines, sort_keys=True).encode()).hexdigest()[:16]


@cache
def _lines() -> tuple[dict[str, str], ...]:
    with PRINTED_NUMBERS.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))
