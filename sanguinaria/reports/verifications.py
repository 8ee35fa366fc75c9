"""Tables of verifications: scores of trials and qualities reduced to one line per encoder, attack and defence.

``V.csv`` is the wide table; ``V.metrics.csv`` has every metric in a line of its own, with its interval and with how
many trials or utterances it was and was not measured on. Rates are fractions. A trial without a score with one seed is
left out of the rates of all seeds; one whose attack failed counts as it is, and is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from sanguinaria.core import parquet
from sanguinaria.core.atomic_files import atomic
from sanguinaria.reports.benchmarks import DIGITS, Measured
from sanguinaria.reports.tables import column
from sanguinaria.statistics import intervals
from sanguinaria.statistics.error_rates import equal_error_rate, estimate_error, minimum_detection_cost
from sanguinaria.statistics.intervals import NO_ESTIMATE, Estimate

NAMES = ("verification", "corpus", "victim", "attack", "defence")
RATES = {"equal_error_rate": equal_error_rate, "minimum_detection_cost": minimum_detection_cost}
# The metrics of the composite index (TDAP, Eq. 10), as columns.
COMPOSED = ("stoi", "pesq", "si_sdr_db")
INDEX = "composite_quality"


def write_verification(lines: Sequence[Mapping[str, Any]], wide: Path, metrics: Path) -> None:
    """Reduce and write the tables.

    Args:
        lines: for each the names, and ``seeds``: of each the paths ``scores`` (of rows), ``quality`` (metric → parts)
            and ``remarks`` (parts).
        wide: where the wide table goes.
        metrics: where the long one goes.
    """
    measured = [(line, reduce_line(line)) for line in lines]
    _write(pd.DataFrame([_wide(line, found) for line, found in measured]), wide)
    _write(pd.DataFrame([row for line, found in measured for row in _long(line, found)]), metrics)


def reduce_line(line: Mapping[str, Any]) -> dict[str, Measured]:
    """Every metric of a line, by its name."""
    tables = [_read(seed["scores"]) for seed in line["seeds"]]
    failed = sum(int((table["problem"] != "").sum()) for table in tables)
    whole = _whole(tables)
    found = {
        name: Measured(estimate_error(metric, whole), len(whole[0]) if whole else 0, failed)
        for name, metric in RATES.items()
    }
    for metric in dict.fromkeys(name for seed in line["seeds"] for name in seed["quality"]):
        found[column(metric)] = _quality([seed["quality"][metric] for seed in line["seeds"]])
    index = composite_quality([found.get(name) for name in COMPOSED], found["equal_error_rate"])
    return found if index is None else found | {INDEX: index}


def composite_quality(metrics: Sequence[Measured | None], error_rate: Measured) -> Measured | None:
    """CSQI = Σ metricᵢ · (1 − EER), TDAP's Eq. 10, of mean STOI, PESQ and SI-SDR in dB; none where one is missing.

    It adds a share, a grade and decibels, so SI-SDR outweighs the others. It has no interval of its own.
    """
    values = [measured.estimate.value for measured in metrics if measured is not None]
    if len(values) < len(COMPOSED):
        return None
    value = sum(values) * (1 - error_rate.estimate.value)
    return Measured(Estimate(value, float("nan"), float("nan")), min(m.scored for m in metrics if m is not None))


def _whole(tables: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """The trials that have a score with every seed."""
    rest = [set(table["trial"][table["problem"] == ""]) for table in tables]
    both = set.intersection(*rest) if rest else set()
    return [table[table["trial"].isin(both)].reset_index(drop=True) for table in tables]


def _quality(seeds: Sequence[Sequence[str]]) -> Measured:
    """Of each probe the mean over the seeds, and their mean."""
    rows = pd.concat([_read(*parts) for parts in seeds])
    values = rows.groupby("probe")["value"].mean().dropna().to_numpy()
    return Measured(intervals.estimate_mean(values), len(values), int(rows["value"].isna().sum()))


def _unattacked(line: Mapping[str, Any]) -> int:
    """How many attacks there was something in the way of."""
    return sum(int((_read(*seed["remarks"])["problem"] != "").sum()) for seed in line["seeds"] if seed["remarks"])


def _wide(line: Mapping[str, Any], measured: Mapping[str, Measured]) -> dict[str, object]:
    row: dict[str, object] = {**{name: line[name] for name in NAMES}, "seeds": len(line["seeds"])}
    for name, found in measured.items():
        row[name] = found.estimate.value
        if name in RATES:
            row |= {f"{name}_low": found.estimate.low, f"{name}_high": found.estimate.high}
    scored = measured.get("equal_error_rate", Measured(NO_ESTIMATE, 0))
    row |= {"scored_trials": scored.scored, "unscored_trials": scored.unscored, "failed_attacks": _unattacked(line)}
    return row


def _long(line: Mapping[str, Any], measured: Mapping[str, Measured]) -> Iterable[dict[str, object]]:
    for name, found in measured.items():
        yield {
            **{key: line[key] for key in NAMES},
            "metric": name,
            "value": found.estimate.value,
            "low": found.estimate.low,
            "high": found.estimate.high,
            "scored": found.scored,
            "unscored": found.unscored,
        }


@cache
def _read(*parts: str) -> pd.DataFrame:
    """A table that was written in parts."""
    return pd.concat([parquet.read(Path(part)) for part in parts], ignore_index=True)


def _write(table: pd.DataFrame, destination: Path) -> None:
    with atomic(destination) as temporary:
        table.to_csv(temporary, index=False, float_format=f"%.{DIGITS}g", lineterminator="\n")
