"""Experiments: predictions of poisoned models reduced to accuracy, attack success rate, detection, and quality."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isnan
from typing import Any

import numpy as np
import pandas as pd

from sanguinaria.core.columns import Better, Column, Columns
from sanguinaria.core.runs import Run
from sanguinaria.reports.cells import (
    NOT_MEASURED,
    CellRows,
    Comparisons,
    Kind,
    Measured,
    Reduced,
    mean_quality,
    observe,
    with_interval,
)
from sanguinaria.reports.layout.grid import DEFENDED, MODEL, TRIGGER, Grid
from sanguinaria.reports.layout.ranks import UNPOISONED
from sanguinaria.statistics import intervals
from sanguinaria.statistics.detection import bit_error_rates

FACTORS = ("experiment", "corpus", "target", "trigger", "test_trigger", "poisoning", "victim", "defence")
# Of the trigger's own detector: on triggered audio, on clean audio, and of the message in triggered audio.
DETECTIONS = ("detection_rate", "false_positive_rate", "bit_error_rate")
# Columns of quality that every table has.
ALWAYS = ("pesq", "stoi", "snr_db")


def _rate_column(heading: str, label: str, *, better: Better, level: tuple[str, ...], **more: str) -> Column:
    return Column(heading=heading, label=label, better=better, digits=1, percent=True, level=level, **more)  # type: ignore[arg-type]


COLUMNS = Columns(
    rate=Column(heading="rate", label="poisoning rate", digits=2, percent=True),
    benign_accuracy=_rate_column(
        "BA", "benign accuracy", title="benign accuracy", better="higher", level=MODEL, count="test_utterances"
    ),
    attack_success_rate=_rate_column(
        "ASR",
        "attack success rate",
        title="attack success",
        better="higher",
        level=MODEL,
        count="triggered_utterances",
    ),
    false_trigger_rate=_rate_column("FTR", "false-trigger rate", title="false trigger", better="lower", level=MODEL),
    detection_rate=_rate_column("detected", "detection rate", better="higher", level=DEFENDED),
    false_positive_rate=_rate_column("FPR", "false-positive rate", better="lower", level=DEFENDED),
    bit_error_rate=_rate_column("BER", "bit error rate", better="lower", level=DEFENDED),
    stealthy=Column(heading="stealthy", label="stealthy", words=("no", "yes")),
)


def reduce(cell: CellRows, settings: Mapping[str, Any]) -> Reduced:
    """Reduce one configuration of an experiment.

    Args:
        cell: with rows ``scores`` and ``manifest`` of each run, and, where the trigger has a detector,
            ``detections.clean`` and ``detections.triggered`` of each generator.
        settings: ``bounds``, by column of a metric: ``value`` and ``better`` of the values that are called stealthy.

    Returns:
        Benign accuracy, attack success rate and false trigger rate, detection and quality, by column.
    """
    target = cell.factors["target"]
    clean = [_predictions(scores, "clean") for scores in cell.rows["scores"]]
    triggered = [_non_target(_predictions(scores, "triggered"), target) for scores in cell.rows["scores"]]
    manifest = cell.rows["manifest"][0]
    rates = {
        "benign_accuracy": _rate(cell.runs, clean, lambda table: table["predicted"] == table["label"]),
        "attack_success_rate": _rate(cell.runs, triggered, lambda table: table["predicted"] == target),
        "false_trigger_rate": _rate(
            cell.runs, [_non_target(table, target) for table in clean], lambda table: table["predicted"] == target
        ),
    }
    detections = _detections(cell, target)
    means = {
        column: mean_quality([_non_target(table, target) for table in tables], cell.generators, "utterance_id")
        for column, tables in cell.quality.items()
    }
    values = {
        "seeds": len(clean),
        **with_interval("benign_accuracy", rates["benign_accuracy"].estimate),
        **with_interval("attack_success_rate", rates["attack_success_rate"].estimate),
        "false_trigger_rate": rates["false_trigger_rate"].estimate.value,
        **dict.fromkeys(ALWAYS),
        **{column: mean.estimate.value for column, mean in means.items()},
        "test_utterances": len(clean[0]),
        "triggered_utterances": len(triggered[0]),
        "poisoned_utterances": int(manifest["poisoned"].sum()),
        "training_utterances": len(manifest),
        "unscorable_utterances": _unscorable(cell, target),
        "rate": cell.settings["rate"],
        "stealthy": _stealthy(means, settings["bounds"]),
        **{metric: detections[metric].estimate.value if metric in detections else None for metric in DETECTIONS},
    }
    return Reduced(values, {**rates, **means, **detections})


def _predictions(scores: pd.DataFrame, audio: str) -> pd.DataFrame:
    """A model's predictions on clean or on triggered audio; on clean audio where there is no trigger."""
    chosen = scores[scores["audio"] == audio]
    return chosen if len(chosen) else scores


def _non_target(table: pd.DataFrame, target: str) -> pd.DataFrame:
    """Utterances of other labels than the target: only their predictions can an attack change."""
    return table[table["label"] != target]


def _rate(
    runs: Sequence[Run], tables: Sequence[pd.DataFrame], hit: Callable[[pd.DataFrame], pd.Series[Any]]
) -> Measured:
    """The share of rows for which a condition holds, in tables of the same utterances."""
    hits = observe([table.assign(hit=hit(table)) for table in tables], runs, "hit")
    return Measured(intervals.estimate_rate(hits), len(tables[0]), observations=hits)


def _detections(cell: CellRows, target: str) -> dict[str, Measured]:
    """Rates of the trigger's own detector, over utterances of other labels than the target."""
    if "detections.clean" not in cell.rows:
        return {}
    clean, triggered = (
        [_non_target(table, target) for table in cell.rows[f"detections.{audio}"]] for audio in ("clean", "triggered")
    )
    errors = [table.assign(errors=bit_error_rates(table["message"], table["decoded_message"])) for table in triggered]
    shares = observe(errors, cell.generators, "errors")
    measured = (
        _rate(cell.generators, triggered, lambda table: table["detected"]),
        _rate(cell.generators, clean, lambda table: table["detected"]),
        Measured(intervals.estimate_rate(shares), int(np.isfinite(shares.values).any(0).sum()), observations=shares),
    )
    return {metric: value for metric, value in zip(DETECTIONS, measured, strict=True) if value.scored}


def _stealthy(means: Mapping[str, Measured], bounds: Mapping[str, Mapping[str, Any]]) -> bool | None:
    """Whether all metrics that have a bound call the trigger stealthy.

    One metric whose mean is beyond its bound is enough for a no, and a yes takes all of them; else ``None``.
    """
    means_by_bound = {column: means.get(column, NOT_MEASURED).estimate.value for column in bounds}
    measured = {column: value for column, value in means_by_bound.items() if not isnan(value)}
    if not all(_within(bounds[column], value) for column, value in measured.items()):
        return False
    return True if measured and len(measured) == len(bounds) else None


def _within(bound: Mapping[str, Any], value: float) -> bool:
    within: bool = value >= bound["value"] if bound["better"] == "higher" else value <= bound["value"]
    return within


def _unscorable(cell: CellRows, target: str) -> int:
    """The number of utterances for which any metric has no value with any generator."""
    tables = [_non_target(table, target) for tables in cell.quality.values() for table in tables]
    return len(set().union(*(table.loc[table["value"].isna(), "utterance_id"] for table in tables)))


def _is_attack(factors: Mapping[str, str]) -> bool:
    """Whether a line is of an attack: something was poisoned, and the tests have the trigger of the training."""
    return factors["poisoning"] != UNPOISONED and factors["test_trigger"] == factors["trigger"]


COMPARISONS = Comparisons(
    factors=("trigger", "test_trigger", "poisoning"),
    indifferent={TRIGGER: ("victim", "defence"), DEFENDED: ("victim",)},
    is_candidate=_is_attack,
)
KIND = Kind(columns=COLUMNS, reduce=reduce, layout=Grid(), comparisons=COMPARISONS)
