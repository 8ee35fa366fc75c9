"""Published tables as lines: one value, its interval, and the entries that it is of."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from sanguinaria.core.errors import InputError

# Of a paper, of all runs, and of the runs of one training of a generator.
PRINTED, MEASURED, BY_GENERATOR = "printed", "measured", "by generator"
_SEEDS = {"generator", "poison", "training"}
_PER_CENT = re.compile(r"(?:accuracy|rate|f1|agreement|key_lowest)$")
_ENDS = re.compile(r"_(?:low|high)$")
_COMPARED = {"corpus", "target", "trigger", "test_trigger", "poisoning", "victim", "attack", "defence"}
_COMPARED |= {"watermark", "marks", "decoded_mark", "distortion"}
# Headings of comparisons with a paper whose metric has another name.
_METRICS = {
    "ASR %": "attack_success_rate",
    "BA %": "benign_accuracy",
    "BER %": "bit_error_rate",
    "EER %": "equal_error_rate",
    "mean BER %": "mean_bit_error_rate",
    "mean F1 %": "mean_f1",
    "wrong key BER %": "wrong_key_bit_error_rate",
    "SNR dB": "snr_db",
    "SI-SDR dB": "si_sdr_db",
    "CSQI": "composite_quality",
}


@dataclass(frozen=True)
class Line:
    """A value of a published table, rates in per cent.

    Attributes:
        entries: by column: ``trigger``, ``victim``, … and ``metric``, ``source`` and ``table``.
        value: the number.
        low: lower end of its interval.
        high: upper end of its interval.
    """

    entries: Mapping[str, str]
    value: Decimal
    low: Decimal | None = None
    high: Decimal | None = None

    @property
    def unit(self) -> str:
        """``%`` or ``dB``, or nothing."""
        metric = self.entries["metric"]
        return "%" if _PER_CENT.search(metric) else "dB" if metric.endswith("_db") else ""

    def __str__(self) -> str:
        """Return the value and its interval, to six digits."""
        return f"{self.value:.6g}" + (f" ({self.low:.6g}–{self.high:.6g})" if self.low is not None else "")


def published(folder: Path, name: str) -> list[Line]:
    """Read all values of a published table.

    Args:
        folder: of the published tables.
        name: of the table: of its files ``NAME.csv``, ``NAME.metrics.csv``, ``NAME.efficiency.csv``,
            ``NAME.comparison.md`` and ``NAME.runs.csv``, those that exist are read.

    Returns:
        A line for each value.

    Raises:
        InputError: there is no such table.
    """
    files = [folder / f"{name}{suffix}" for suffix in (".csv", ".metrics.csv", ".efficiency.csv")]
    if not files[0].exists():
        raise InputError(f"{folder}: no table '{name}'. A page cites a table that is not published.")
    lines = [line for file in files if file.exists() for line in _read(file, name)]
    comparison, runs = (folder / f"{name}.{form}" for form in ("comparison.md", "runs.csv"))
    return [
        *lines,
        *(_printed(comparison, name) if comparison.exists() else ()),
        *(_by_generator(runs, name) if runs.exists() else ()),
    ]


def _read(file: Path, name: str) -> Iterator[Line]:
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    numeric = {column for column in rows[0] if all(_number(row[column]) is not None or not row[column] for row in rows)}
    for row in rows:
        entries = {column: row[column] for column in row if column not in numeric}
        if "metric" in entries:
            yield from _line(entries, row["metric"], row, ("value", "low", "high"), name)
        else:
            for column in sorted(numeric):
                if not _ENDS.search(column):
                    yield from _line(entries, column, row, (column, f"{column}_low", f"{column}_high"), name)


def _line(
    entries: Mapping[str, str], metric: str, row: Mapping[str, str], columns: tuple[str, str, str], name: str
) -> Iterator[Line]:
    factor = 100 if _PER_CENT.search(metric) else 1
    value, low, high = (None if (number := _number(row.get(c, ""))) is None else number * factor for c in columns)
    if value is not None:
        yield Line({**entries, "metric": metric, "source": MEASURED, "table": name}, value, low, high)


def _by_generator(file: Path, name: str) -> Iterator[Line]:
    """The mean of each metric over the runs of each generator, whose seed is the entry ``generator``."""
    values: dict[tuple[tuple[str, str], ...], list[Decimal]] = {}
    with file.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            value = _number(row["value"])
            if row["generator"] and value is not None:
                entries = {column: text for column, text in row.items() if column not in {*_SEEDS, "value", "scored"}}
                key = tuple({**entries, "generator": row["generator"]}.items())
                values.setdefault(key, []).append(value)
    for key, of_runs in values.items():
        entries = dict(key)
        factor = 100 if _PER_CENT.search(entries["metric"]) else 1
        yield Line({**entries, "source": BY_GENERATOR, "table": name}, factor * sum(of_runs, Decimal()) / len(of_runs))


def _printed(file: Path, name: str) -> Iterator[Line]:
    """The printed values of a comparison, in whose page columns of one entry stand above the table."""
    headings: list[str] = []
    shared: dict[str, str] = {}
    for text in file.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in text.strip("| ").split(" | ")]
        if not text.startswith("|"):
            headings = []
            shared |= dict(part.split(": ", 1) for part in text.rstrip(".").split("; ") if ": " in part)
        elif not headings:
            headings = cells
        else:
            row = shared | dict(zip(headings, (cell.strip() for cell in text[1:].split("|")), strict=False))
            value = _number(row.get("printed", ""))
            if value is not None:
                entries = {column: row[column] for column in _COMPARED & row.keys() if row[column]}
                metric = _METRICS.get(row["metric"], row["metric"].lower())
                yield Line({**entries, "metric": metric, "source": PRINTED, "table": name}, value)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
