"""Tables: rows per utterance reduced to one line per configuration.

``T.csv`` is the wide table; ``T.metrics.csv`` has every metric of every configuration in a line of its own, with its
interval and with how many utterances it was and was not measured on. Rates are fractions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sanguinaria.core import parquet
from sanguinaria.core.atomic_files import atomic
from sanguinaria.statistics import intervals
from sanguinaria.statistics.detection import bit_error_rates
from sanguinaria.statistics.intervals import Estimate

NAMES = ("experiment", "corpus", "target", "trigger", "heard", "poisoning", "victim", "defence")
# How a metric's column is called, where it is not called as the metric is.
COLUMNS = {"snr": "snr_db", "lsd": "lsd_db", "si_sdr": "si_sdr_db"}
# What a trigger's own detector says: of triggered, of clean, and of triggered utterances' messages.
DETECTIONS = ("detection_rate", "false_positive_rate", "bit_error_rate")
DIGITS = 6


def write_tables(
    rows: Sequence[Mapping[str, Any]], bounds: Mapping[str, Mapping[str, Any]], wide: Path, metrics: Path
) -> None:
    """Reduce and write both tables.

    Args:
        rows: for each configuration its names, the target among them, ``rate``, ``results`` (for each seed the paths
            of the parts of the scores, and that of the manifest), ``quality`` (metric → paths of its rows' parts), and
            ``detections`` (paths of the parts for the clean and for the triggered audio, or ``None``).
        bounds: metric → the values that it calls stealthy: ``value``, and what is ``better``, higher or lower ones.
        wide: where the wide table goes.
        metrics: where the long one goes.
    """
    reduced = [_reduce(row, bounds) for row in rows]
    _write(pd.DataFrame([line for line, _ in reduced]), wide)
    _write(pd.DataFrame([line for _, lines in reduced for line in lines]), metrics)


def _write(table: pd.DataFrame, destination: Path) -> None:
    with atomic(destination) as temporary:
        table.to_csv(temporary, index=False, float_format=f"%.{DIGITS}g", lineterminator="\n")


def _reduce(
    row: Mapping[str, Any], bounds: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, object], list[dict[str, object]]]:
    names = {name: row[name] for name in NAMES}
    clean = [_heard(result["scores"], "clean") for result in row["results"]]
    triggered = [_non_target(_heard(result["scores"], "triggered"), row["target"]) for result in row["results"]]
    manifest = _read(row["results"][0]["manifest"])
    quality = {metric: _non_target(_read(*paths), row["target"]) for metric, paths in row["quality"].items()}
    rates = {
        "benign_accuracy": _rate(clean, lambda table: table["predicted"] == table["label"]),
        "attack_success_rate": _rate(triggered, lambda table: table["predicted"] == row["target"]),
        "false_trigger_rate": _rate(
            [_non_target(table, row["target"]) for table in clean], lambda table: table["predicted"] == row["target"]
        ),
    }
    detections = _detection_rates(row["detections"], row["target"])
    means = {metric: intervals.estimate_mean(table["value"].dropna().to_numpy()) for metric, table in quality.items()}
    unscorable = {metric: int(table["value"].isna().sum()) for metric, table in quality.items()}
    wide: dict[str, object] = {
        **names,
        "seeds": len(clean),
        **_with_interval("benign_accuracy", rates["benign_accuracy"]),
        **_with_interval("attack_success_rate", rates["attack_success_rate"]),
        "false_trigger_rate": rates["false_trigger_rate"].value,
        **{column(metric): means[metric].value if metric in means else None for metric in ("pesq", "stoi", "snr")},
        **{column(metric): estimate.value for metric, estimate in means.items()},
        "test_utterances": len(clean[0]),
        "triggered_utterances": len(triggered[0]),
        "poisoned_utterances": int(manifest["poisoned"].sum()),
        "training_utterances": len(manifest),
        "unscorable_utterances": _unscorable(list(quality.values())),
        "rate": row["rate"],
        "stealthy": _stealthy(means, bounds),
        **{metric: detections[metric][0].value if metric in detections else None for metric in DETECTIONS},
    }
    long = [
        *(
            _line(names, metric, estimate, len(clean[0]) if metric == "benign_accuracy" else len(triggered[0]), 0)
            for metric, estimate in rates.items()
        ),
        *(
            _line(names, column(metric), means[metric], len(table) - unscorable[metric], unscorable[metric])
            for metric, table in quality.items()
        ),
        *(_line(names, metric, estimate, count, 0) for metric, (estimate, count) in detections.items()),
    ]
    return wide, long


def _detection_rates(paths: Mapping[str, Sequence[str]] | None, target: str) -> dict[str, tuple[Estimate, int]]:
    """What a trigger's own detector finds, in how many utterances of other labels than the target."""
    if paths is None:
        return {}
    clean, triggered = (_non_target(_read(*paths[audio]), target) for audio in ("clean", "triggered"))
    rates = (_rate([triggered], lambda table: table["detected"]), _rate([clean], lambda table: table["detected"]))
    errors = bit_error_rates(triggered["message"], triggered["decoded_message"])
    errors = errors[~np.isnan(errors)]
    found = dict(zip(DETECTIONS, (*rates, intervals.estimate_mean(errors)), strict=True))
    counts = (len(triggered), len(clean), len(errors))
    return {
        metric: (estimate, count) for (metric, estimate), count in zip(found.items(), counts, strict=True) if count > 0
    }


def _stealthy(means: Mapping[str, Estimate], bounds: Mapping[str, Mapping[str, Any]]) -> bool | None:
    """Whether all metrics that have a bound call the trigger stealthy: one that does not is enough for a no, and a yes
    takes them all; else ``None``."""
    values = {metric: means.get(metric, intervals.NO_ESTIMATE).value for metric in bounds}
    measured = {metric: value for metric, value in values.items() if not isnan(value)}
    if not all(_within(bounds[metric], value) for metric, value in measured.items()):
        return False
    return True if measured and len(measured) == len(bounds) else None


def _within(bound: Mapping[str, Any], value: float) -> bool:
    within: bool = value >= bound["value"] if bound["better"] == "higher" else value <= bound["value"]
    return within


@cache
def _read(*parts: str) -> pd.DataFrame:
    """A table that was written in parts; the parts have no say in the order of its rows."""
    return pd.concat([parquet.read(Path(part)) for part in parts]).sort_values("utterance_id", ignore_index=True)


def _heard(parts: Sequence[str], audio: str) -> pd.DataFrame:
    """What a model says of clean or of triggered audio; where nothing is triggered, of clean audio."""
    scores = _read(*parts)
    heard = scores[scores["audio"] == audio]
    return heard if len(heard) else scores


def _non_target(table: pd.DataFrame, target: str) -> pd.DataFrame:
    """The utterances that a trigger could turn into the target: all others are it already."""
    return table[table["label"] != target]


def _rate(tables: Sequence[pd.DataFrame], hit: Callable[[pd.DataFrame], pd.Series]) -> Estimate:
    """How often something holds in tables of the same utterances, one for each seed."""
    return intervals.estimate_rate(
        np.stack([hit(table).to_numpy(float) for table in tables]), tables[0]["speaker"].tolist()
    )


def _with_interval(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _unscorable(tables: Sequence[pd.DataFrame]) -> int:
    """Utterances for which any metric has no value."""
    return len(set().union(*(table.loc[table["value"].isna(), "utterance_id"] for table in tables)))


def column(metric: str) -> str:
    """A metric's name in a table, its unit included."""
    return COLUMNS.get(metric, metric)


def _line(names: Mapping[str, str], metric: str, estimate: Estimate, scored: int, unscorable: int) -> dict[str, object]:
    return {
        **names,
        "metric": metric,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "scored_utterances": scored,
        "unscorable_utterances": unscorable,
    }
