"""Benchmarks of watermarks: decoded marks reduced to bit error rates, detection rates, and what wrong keys decode.

An utterance that could not be distorted or decoded with one seed is left out of the rates of all seeds, and every such
reading is counted.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from math import isnan
from typing import Any

import numpy as np
import pandas as pd

from sanguinaria.core.columns import Column, Columns
from sanguinaria.core.runs import Run
from sanguinaria.reports.cells import (
    NOT_MEASURED,
    CellRows,
    Comparisons,
    Kind,
    Measured,
    Reduced,
    mean_quality,
    with_interval,
)
from sanguinaria.reports.layout.grid import DEFENDED, TRIGGER
from sanguinaria.reports.layout.parts import Listing, Parts
from sanguinaria.statistics import intervals
from sanguinaria.statistics.detection import bit_error_rates, detection_threshold, estimate_f1
from sanguinaria.statistics.observations import Observations
from sanguinaria.steps.benchmarks.readings import THRESHOLD

FACTORS = ("benchmark", "corpus", "watermark", "marks", "decoded_mark", "distortion")
# Factors that a value depends on besides the watermark: which of the marks in an utterance is decoded, or nothing.
MARK = ("decoded_mark",)
WATERMARK = ("watermark",)
# The mean of a column over the distortions, and its name.
MEANS = {"bit_error_rate": "mean_bit_error_rate", "f1": "mean_f1"}
COSTS = tuple(
    f"{what}_{cost}"
    for what in ("embedding", "detection")
    for cost in ("parameters", "gflops_per_second", "cpu_real_time_factor", "gpu_real_time_factor")
)
# Of a measurement of costs: on what and with what it was made.
CONDITIONS = ("sample_rate", "seconds", "utterances", "repetitions", "processor", "gpu")
DETECTIONS = ("detection_rate", "false_positive_rate", "f1")
RATES = ("bit_error_rate", *DETECTIONS, *(f"fixed_{rate}" for rate in DETECTIONS))
# More than any key has characters.
MAXIMUM_KEYS = 10_000


def _key_column(heading: str, label: str) -> Column:
    return Column(heading=heading, label=label, digits=1, percent=True, level=MARK)


def _cost_column(heading: str, label: str, digits: int) -> Column:
    return Column(heading=heading, label=label, better="lower", digits=digits, level=WATERMARK)


def _rate_column(heading: str, label: str, better: Any = "higher") -> Column:
    return Column(heading=heading, label=label, better=better, digits=1, percent=True, level=DEFENDED)


COLUMNS = Columns(
    bit_error_rate=_rate_column("BER", "bit error rate", "lower"),
    detection_rate=_rate_column("detected", "detection rate"),
    false_positive_rate=_rate_column("FPR", "false-positive rate", "lower"),
    f1=_rate_column("F1", "F1"),
    fixed_detection_rate=_rate_column("TPR", "detection rate"),
    fixed_false_positive_rate=_rate_column("FPR", "false-positive rate", "lower"),
    fixed_f1=_rate_column("F1", "F1"),
    bits_per_second=Column(heading="bit/s", label="bits per second", better="higher", digits=0),
    mean_bit_error_rate=Column(
        heading="mean BER", label="mean bit error rate", better="lower", digits=2, percent=True, level=MARK
    ),
    mean_f1=Column(heading="mean F1", label="mean F1", better="higher", digits=1, percent=True, level=MARK),
    wrong_key_detection_rate=Column(
        heading="wrong key found", label="found with a wrong key", better="lower", digits=1, percent=True, level=MARK
    ),
    wrong_key_bit_error_rate=_key_column("wrong key BER", "bit error rate of wrong keys"),
    wrong_key_lowest=_key_column("lowest wrong key BER", "lowest bit error rate of a wrong key"),
    near_key_bit_error_rate=_key_column("near key BER", "bit error rate of near keys"),
    near_key_lowest=_key_column("lowest near key BER", "lowest bit error rate of a near key"),
    embedding_parameters=_cost_column("generator's parameters", "parameters of the generator", 0),
    detection_parameters=_cost_column("detector's parameters", "parameters of the detector", 0),
    embedding_gflops_per_second=_cost_column("GFLOPs to mark", "GFLOPs to mark", 2),
    detection_gflops_per_second=_cost_column("GFLOPs to detect", "GFLOPs to detect", 2),
    embedding_cpu_real_time_factor=_cost_column("RTF marking", "real-time factor of marking", 4),
    detection_cpu_real_time_factor=_cost_column("RTF detecting", "real-time factor of detecting", 4),
    embedding_gpu_real_time_factor=_cost_column("RTF marking, GPU", "real-time factor of marking", 4),
    detection_gpu_real_time_factor=_cost_column("RTF detecting, GPU", "real-time factor of detecting", 4),
)


def reduce(cell: CellRows, settings: Mapping[str, Any]) -> Reduced:
    """Reduce one watermark after one distortion, of which one of its marks is decoded.

    Args:
        cell: with rows ``marked``, ``clean`` and ``validation`` of each seed, ``wrong_keys`` of the seeds that have
            keys, and ``efficiency``, where it was measured; settings ``mark`` (which of the messages is decoded, from
            1 on), ``distortion`` (its position among those of the rows), ``bits``, ``bits_per_second``, and
            ``wrong_keys`` (how many of those keys are not near the right one).
        settings: ``false_positive_rate`` of the threshold that validation utterances fix.

    Returns:
        Bit error rate and detection rates with their intervals, quality and costs, by column.
    """
    measured = measure(cell, settings["false_positive_rate"])
    values: dict[str, object] = {
        "seeds": len(cell.rows["marked"]),
        "bits_per_second": cell.settings["bits_per_second"],
    }
    for rate in RATES:
        values |= with_interval(rate, measured.get(rate, NOT_MEASURED).estimate)
    values |= {name: value.estimate.value for name, value in measured.items() if name not in RATES}
    if "efficiency" in cell.rows:
        values |= {name: cell.rows["efficiency"][0].get(name) for name in COSTS}
    values["decoded_utterances"] = measured["detection_rate"].scored
    values["undecodable_utterances"] = measured["detection_rate"].unscored
    values["undecodable_clean_utterances"] = measured["false_positive_rate"].unscored
    return Reduced(values, measured)


def measure(cell: CellRows, false_positive_rate: float) -> dict[str, Measured]:
    """Every metric of a cell, by column."""
    position = cell.settings["distortion"]
    marked, clean, validation = (
        _Readings(cell.rows[audio], cell.runs, distortion)
        for audio, distortion in (("marked", position), ("clean", position), ("validation", 0))
    )
    thresholds = [detection_threshold(scores, false_positive_rate) for scores in validation.valid_scores()]
    measured: dict[str, Measured] = {}
    if cell.settings["bits"]:
        measured["bit_error_rate"] = marked.errors(cell.settings["mark"])
    measured |= _detection("", marked, clean, None)
    # Without clean utterances for validation there is no threshold to fix.
    if len(thresholds) == len(cell.rows["marked"]) and not any(map(isnan, thresholds)):
        measured |= _detection("fixed_", marked, clean, thresholds)
    measured |= _wrong_keys(cell)
    measured |= {column: mean_quality(seeds, cell.runs, "utterance_id") for column, seeds in cell.quality.items()}
    return measured


def _detection(
    prefix: str, marked: _Readings, clean: _Readings, thresholds: Sequence[float] | None
) -> dict[str, Measured]:
    """Detection rate, false-positive rate and F1 at the detector's own threshold, or at one for each run."""
    marked_hits, clean_hits = marked.detections(thresholds), clean.detections(thresholds)
    count = len(marked_hits.speakers) + len(clean_hits.speakers)
    return {
        f"{prefix}detection_rate": marked.rate(marked_hits),
        f"{prefix}false_positive_rate": clean.rate(clean_hits),
        f"{prefix}f1": Measured(estimate_f1(marked_hits, clean_hits), count),
    }


def _wrong_keys(cell: CellRows) -> dict[str, Measured]:
    """Detection and bit errors with wrong keys and with keys that differ in one character: mean and lowest."""
    seeds = cell.rows.get("wrong_keys", ())
    if not seeds:
        return {}
    count, bits, mark = (cell.settings[name] for name in ("wrong_keys", "bits", "mark"))
    wrong, near = (_Readings(seeds, cell.runs, 0, keys) for keys in (range(count), range(count, MAXIMUM_KEYS)))
    measured = {"wrong_key_detection_rate": wrong.rate(wrong.detections(None))}
    for name, readings in (("wrong_key", wrong), ("near_key", near)):
        if bits and readings.tables:
            measured[f"{name}_bit_error_rate"] = readings.errors(mark)
            measured[f"{name}_lowest"] = readings.lowest(mark)
    return measured


class _Readings:
    """The readings of several runs after one distortion, with some of their keys: an utterance counts as often as there
    are of both. A key is a factor of variation within its run."""

    def __init__(
        self,
        tables: Sequence[pd.DataFrame],
        runs: Sequence[Run],
        distortion: int,
        keys: Container[int] = (0,),
    ) -> None:
        # A key may have fewer neighbours than another run's.
        chosen = [
            (rows, {**run, "drawn key": place * MAXIMUM_KEYS + int(key)})
            for place, (table, run) in enumerate(zip(tables, runs, strict=True))
            for key, rows in table[table["distortion"] == distortion].groupby("key", sort=True)
            if key in keys
        ]
        self.tables = [rows for rows, _ in chosen]
        # With one key in each run it moves with the run.
        self.runs = list(runs) if len(chosen) == len(runs) else [run for _, run in chosen]
        self.failed = sum(int((table["problem"] != "").sum()) for table in self.tables)
        decoded = [set(table["utterance_id"][table["problem"] == ""]) for table in self.tables]
        common = set.intersection(*decoded) if decoded else set()
        self.common = [table[table["utterance_id"].isin(common)] for table in self.tables]
        self.count = len(self.common[0]) if self.common else 0

    def valid_scores(self) -> list[np.ndarray]:
        """The scores of each run, without missing ones."""
        return [table["score"].dropna().to_numpy() for table in self.tables]

    def detections(self, thresholds: Sequence[float] | None) -> Observations:
        """Detections: scores from the detector's own threshold on, or above a threshold of each run."""
        scores = [table["score"] for table in self.common]
        if thresholds is None:
            hits = [row >= THRESHOLD for row in scores]
        else:
            hits = [row > limit for row, limit in zip(scores, thresholds, strict=True)]
        return self._observations([hit.to_numpy(float) for hit in hits])

    def rate(self, detections: Observations) -> Measured:
        """The share of the utterances that are detected."""
        return Measured(intervals.estimate_rate(detections), self.count, self.failed, detections)

    def errors(self, mark: int) -> Measured:
        """The bit error rate of the first or second message."""
        shares = self._observations([_bit_error_rates(table, mark) for table in self.common])
        return Measured(intervals.estimate_rate(shares), self.count, self.failed, shares)

    def lowest(self, mark: int) -> Measured:
        """The bit error rate with the key, of all runs, that decodes most bits; its interval is over speakers alone, as
        the lowest of so many keys is no sample of them."""
        shares = [_bit_error_rates(table, mark) for table in self.common]
        best = min(shares, key=lambda of_key: float(of_key.mean()) if of_key.size else 1.0)
        return Measured(intervals.estimate_rate(self._observations([best], [{}])), self.count, self.failed)

    def _observations(self, values: Sequence[np.ndarray], runs: Sequence[Run] | None = None) -> Observations:
        if not self.common:
            return Observations(np.zeros((0, 0)), [], [])
        first = self.common[0]
        runs = self.runs if runs is None else runs
        return Observations(np.stack(values), first["speaker"].tolist(), runs, first["utterance_id"].tolist())


def _bit_error_rates(table: pd.DataFrame, mark: int) -> np.ndarray:
    """Bit error rates (utterances,) of the first or second message, counted from 1."""
    sent = [messages.split(" ")[mark - 1] for messages in table["messages"]]
    return bit_error_rates(sent, table["decoded_message"])


def finish(table: pd.DataFrame) -> pd.DataFrame:
    """Add to each line the means over the distortions after which its mark was decoded."""
    groups = table.groupby(["watermark", "marks", "decoded_mark"], sort=False)
    for metric, name in MEANS.items():
        position = table.columns.get_loc("f1")
        assert isinstance(position, int)
        table.insert(position, name, groups[metric].transform("mean"))
    return table


def efficiency(cells: Sequence[CellRows]) -> pd.DataFrame:
    """The costs of each watermark, once."""
    costs = {cell.factors["watermark"]: cell.rows["efficiency"][0] for cell in cells if "efficiency" in cell.rows}
    rows = [
        {"watermark": watermark, **{name: cost.get(name) for name in (*COSTS, *CONDITIONS)}}
        for watermark, cost in costs.items()
    ]
    return pd.DataFrame(rows, columns=["watermark", *COSTS, *CONDITIONS])


LAYOUT = Parts(
    row=("watermark", "marks", "decoded_mark"),
    always=("watermark",),
    across="distortion",
    rates={
        "bit_error_rate": "Bit error rate (%)",
        "detection_rate": "Detected at the detector's own threshold (%)",
        "false_positive_rate": "Clean utterances detected at the detector's own threshold (%)",
        "fixed_detection_rate": "Detected at the threshold for {false_positive_rate} of clean validation utterances"
        " (%)",
        "fixed_false_positive_rate": "Clean utterances detected at that threshold (%)",
        "f1": "F1 at the detector's own threshold (%)",
        "undecodable_utterances": "Readings that failed",
        "undecodable_clean_utterances": "Readings of clean utterances that failed",
    },
    counts=("undecodable_utterances", "undecodable_clean_utterances"),
    # Error rates are below one per cent where audio is not distorted.
    digits={"bit_error_rate": 2},
    listings=(
        Listing(title="Capacity, quality, keys", names=("watermark", "marks", "decoded_mark"), without=WATERMARK),
        Listing(title="Cost for each second of audio", names=("watermark",), level=WATERMARK),
    ),
    unshown=("benchmark", "corpus", "seeds", "fixed_f1", "decoded_utterances"),
)
COMPARISONS = Comparisons(
    factors=("watermark",), indifferent={TRIGGER: ("decoded_mark", "distortion"), MARK: ("distortion",)}
)
KIND = Kind(columns=COLUMNS, reduce=reduce, layout=LAYOUT, comparisons=COMPARISONS, finish=finish)
