"""Tables of benchmarks: readings, qualities and costs reduced to one line per watermark, mark and distortion.

``B.csv`` is the wide table; ``B.metrics.csv`` has every metric in a line of its own, with its interval and with how
many utterances it was and was not measured on; ``B.efficiency.csv`` has what each watermark costs, and on what
processor. Rates are fractions. An utterance that could not be distorted or read with one seed is left out of the rates
of all seeds, and every such reading is counted.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sanguinaria.core import parquet
from sanguinaria.core.atomic_files import atomic
from sanguinaria.reports.tables import column
from sanguinaria.statistics import intervals
from sanguinaria.statistics.detection import (
    Detections,
    bit_error_rates,
    detection_threshold,
    estimate_f1,
    estimate_share,
)
from sanguinaria.statistics.intervals import NO_ESTIMATE, Estimate
from sanguinaria.steps.benchmarks.readings import THRESHOLD

NAMES = ("benchmark", "corpus", "watermark", "marks", "read", "distortion")
# What a line's mean over the distortions is of, and how it is called.
MEANS = {"bit_error_rate": "mean_bit_error_rate", "f1": "mean_f1"}
COSTS = ("parameters", "gflops_per_second", "cpu_real_time_factor", "gpu_real_time_factor")
# More than any key has characters.
MOST_KEYS = 10_000
DIGITS = 6


@dataclass(frozen=True)
class Measured:
    """A metric's estimate, and of how many utterances it is and could not be."""

    estimate: Estimate
    scored: int
    unscored: int = 0


def write_benchmark(
    lines: Sequence[Mapping[str, Any]], false_positive_rate: float, wide: Path, metrics: Path, efficiency: Path
) -> None:
    """Reduce and write the tables.

    Args:
        lines: for each the names, ``mark`` (which of the messages is read, from 1 on), ``place`` (of the distortion
            among those that were read after), ``bits``, ``bits_per_second``,
            ``seeds`` (of each the paths of the readings' parts: ``marked``, ``clean``, ``validation``, and ``foreign``
            or ``None``), ``wrong_keys`` (how many of the foreign keys are not near the right one), ``quality`` (metric
            → for each seed the paths of its parts), and ``efficiency`` (a path or ``None``).
        false_positive_rate: of the threshold that is taken from the validation utterances.
        wide: where the wide table goes.
        metrics: where the long one goes.
        efficiency: where that of the costs goes.
    """
    measured = [_with_names(line, reduce_line(line, false_positive_rate)) for line in lines]
    _write(pd.DataFrame(_with_means([wide_line for wide_line, _ in measured])), wide)
    _write(pd.DataFrame([line for _, long in measured for line in long]), metrics)
    _write(_efficiencies(lines), efficiency)


def reduce_line(line: Mapping[str, Any], false_positive_rate: float) -> dict[str, Measured]:
    """Every metric of a line, by its name."""
    marked, clean, validation = (
        _Readings([seed[audio] for seed in line["seeds"]], place)
        for audio, place in (("marked", line["place"]), ("clean", line["place"]), ("validation", 0))
    )
    bars = [detection_threshold(scores, false_positive_rate) for scores in validation.valid_scores()]
    found: dict[str, Measured] = {}
    if line["bits"]:
        found["bit_error_rate"] = marked.errors(line["mark"])
    # Without clean utterances for validation there is no threshold to fix.
    fixed = [("fixed_", bars)] if len(bars) == len(line["seeds"]) and not any(map(isnan, bars)) else []
    for prefix, thresholds in (("", None), *fixed):
        marked_hits, clean_hits = marked.found(thresholds), clean.found(thresholds)
        both = estimate_f1(marked_hits, clean_hits)
        found[f"{prefix}detection_rate"] = marked.rate(marked_hits)
        found[f"{prefix}false_positive_rate"] = clean.rate(clean_hits)
        found[f"{prefix}f1"] = Measured(both, marked_hits.hits.shape[1] + clean_hits.hits.shape[1])
    found |= _foreign(line)
    found |= {column(metric): _quality(seeds) for metric, seeds in line["quality"].items()}
    return found


def _foreign(line: Mapping[str, Any]) -> dict[str, Measured]:
    """What wrong keys read, and those that are a character off the right one: the mean and the lowest of them."""
    paths = [seed["foreign"] for seed in line["seeds"] if seed["foreign"] is not None]
    if not paths:
        return {}
    wrong, near = (
        _Readings(paths, 0, keys) for keys in (range(line["wrong_keys"]), range(line["wrong_keys"], MOST_KEYS))
    )
    found = {"wrong_key_detection_rate": wrong.rate(wrong.found(None))}
    for name, readings in (("wrong_key", wrong), ("near_key", near)):
        if line["bits"] and readings.tables:
            found[f"{name}_bit_error_rate"] = readings.errors(line["mark"])
            found[f"{name}_lowest"] = readings.lowest(line["mark"])
    return found


class _Readings:
    """The readings of several seeds after one distortion, with some of their keys: an utterance counts as often as
    there are of both."""

    def __init__(self, seeds: Sequence[Sequence[str]], distortion: int, keys: Container[int] = (0,)) -> None:
        tables = [_after(distortion, *parts) for parts in seeds]
        # A key may have fewer neighbours than another seed's.
        self.tables = [rows for table in tables for key, rows in table.groupby("key", sort=True) if key in keys]
        self.failed = sum(int((table["problem"] != "").sum()) for table in self.tables)
        rest = [set(table["utterance_id"][table["problem"] == ""]) for table in self.tables]
        whole = set.intersection(*rest) if rest else set()
        self.whole = [table[table["utterance_id"].isin(whole)] for table in self.tables]
        self.speakers: list[str] = self.whole[0]["speaker"].tolist() if self.whole else []

    def valid_scores(self) -> list[np.ndarray]:
        """Of each seed, those that there are."""
        return [table["score"].dropna().to_numpy() for table in self.tables]

    def found(self, thresholds: Sequence[float] | None) -> Detections:
        """What is taken for marked: from the detector's own threshold on, or above one for each seed."""
        scores = [table["score"].to_numpy() for table in self.whole]
        if thresholds is None:
            hits = [row >= THRESHOLD for row in scores]
        else:
            hits = [row > bar for row, bar in zip(scores, thresholds, strict=True)]
        return Detections(np.stack(hits) if hits else np.zeros((0, 0), bool), self.speakers)

    def rate(self, found: Detections) -> Measured:
        return Measured(
            intervals.estimate_rate(found.hits.astype(float), found.speakers), len(self.speakers), self.failed
        )

    def errors(self, mark: int) -> Measured:
        """The share of the bits of the first or second message that are read wrong."""
        shares = np.array([_bit_error_rates(table, mark) for table in self.whole])
        return Measured(estimate_share(shares, self.speakers), len(self.speakers), self.failed)

    def lowest(self, mark: int) -> Measured:
        """That share for the key, of all seeds, that reads most."""
        shares = [_bit_error_rates(table, mark)[None] for table in self.whole]
        best = min(shares, key=lambda of_key: float(of_key.mean()) if of_key.size else 1.0)
        return Measured(estimate_share(best, self.speakers), len(self.speakers), self.failed)


def _bit_error_rates(table: pd.DataFrame, mark: int) -> np.ndarray:
    """Bit error rates (utterances,) of the first or second message, counted from 1."""
    messages = [messages.split(" ")[mark - 1] for messages in table["messages"]]
    return bit_error_rates(messages, table["decoded_message"])


def _quality(seeds: Sequence[Sequence[str]]) -> Measured:
    """Of each utterance the mean over the seeds, and their mean."""
    rows = pd.concat([_read(*parts) for parts in seeds])
    values = rows.groupby("utterance_id")["value"].mean().dropna().to_numpy()
    return Measured(intervals.estimate_mean(values), len(values), int(rows["value"].isna().sum()))


def _after(distortion: int, *parts: str) -> pd.DataFrame:
    """The rows of one of the distortions."""
    table = _read(*parts)
    return table[table["distortion"] == distortion]


@cache
def _read(*parts: str) -> pd.DataFrame:
    """A table that was written in parts; the parts have no say in the order of its rows."""
    table = pd.concat([parquet.read(Path(part)) for part in parts])
    order = ["utterance_id", *(name for name in ("key",) if name in table)]
    return table.sort_values(order, ignore_index=True)


@cache
def _costs(path: str) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return row


def _with_names(
    line: Mapping[str, Any], measured: Mapping[str, Measured]
) -> tuple[dict[str, object], list[dict[str, object]]]:
    """A line of the wide table, and its lines of the long one."""
    names = {name: line[name] for name in NAMES}
    nothing = Measured(NO_ESTIMATE, 0)
    rates = ["bit_error_rate"]
    rates += [
        f"{prefix}{rate}" for prefix in ("", "fixed_") for rate in ("detection_rate", "false_positive_rate", "f1")
    ]
    wide: dict[str, object] = {**names, "seeds": len(line["seeds"]), "bits_per_second": line["bits_per_second"]}
    for rate in rates:
        estimate = measured.get(rate, nothing).estimate
        wide |= {rate: estimate.value, f"{rate}_low": estimate.low, f"{rate}_high": estimate.high}
    wide |= {name: found.estimate.value for name, found in measured.items() if name not in rates}
    wide |= _cost_columns(line["efficiency"])
    wide["read_utterances"] = measured["detection_rate"].scored
    wide["undecodable_utterances"] = measured["detection_rate"].unscored
    wide["undecodable_clean_utterances"] = measured["false_positive_rate"].unscored
    long = [
        {
            **names,
            "metric": name,
            "value": found.estimate.value,
            "low": found.estimate.low,
            "high": found.estimate.high,
            "scored_utterances": found.scored,
            "unscored_utterances": found.unscored,
        }
        for name, found in measured.items()
    ]
    return wide, long


def _cost_columns(path: str | None) -> dict[str, object]:
    if path is None:
        return {}
    row = _costs(path)
    return {name: row.get(name) for name in _cost_names()}


def _cost_names() -> Iterator[str]:
    for what in ("embedding", "detection"):
        yield from (f"{what}_{cost}" for cost in COSTS)


def _with_means(lines: list[dict[str, object]]) -> list[dict[str, object]]:
    """The lines, each with means over the distortions that its mark was read after."""
    table = pd.DataFrame(lines)
    groups = table.groupby(["watermark", "marks", "read"], sort=False)
    for metric, name in MEANS.items():
        table.insert(table.columns.get_loc("f1"), name, groups[metric].transform("mean"))
    found: list[dict[str, object]] = table.to_dict("records")
    return found


def _efficiencies(lines: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """What each watermark costs, once."""
    paths = {line["watermark"]: line["efficiency"] for line in lines if line["efficiency"] is not None}
    said = ("sample_rate", "seconds", "utterances", "repetitions", "processor", "gpu")
    rows = [
        {"watermark": watermark, **{name: _costs(path).get(name) for name in (*_cost_names(), *said)}}
        for watermark, path in paths.items()
    ]
    return pd.DataFrame(rows, columns=["watermark", *_cost_names(), *said])


def _write(table: pd.DataFrame, destination: Path) -> None:
    with atomic(destination) as temporary:
        table.to_csv(temporary, index=False, float_format=f"%.{DIGITS}g", lineterminator="\n")
