"""Values of single runs: what each seed of each factor of variation gives, from which intervals over runs are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sanguinaria.core.runs import FACTORS_OF_VARIATION
from sanguinaria.reports.differences import Line
from sanguinaria.statistics.observations import Observations


def run_values(lines: Sequence[Line], names: Sequence[str]) -> pd.DataFrame:
    """Return the mean of each metric in each run.

    A metric of several means, such as an F1 score or an equal error rate, has no mean in a run and is left out.

    Args:
        lines: of the table.
        names: of the columns that identify a line.

    Returns:
        ``names``, ``metric``, the run's seed or name in a column for each factor of variation (missing where a factor
        does not apply to the metric), ``value``, and ``scored``, the number of utterances that have a value.
    """
    measured = [(line, metric, value) for line in lines for metric, value in line.measured.items()]
    means = [
        (line, metric, value.observations)
        for line, metric, value in measured
        if value.observations is not None and _is_mean(value.observations, value.estimate.value)
    ]
    factors = dict.fromkeys([*FACTORS_OF_VARIATION, *(name for *_, observed in means for name in observed.factors)])
    rows = [{**line.factors, "metric": metric, **row} for line, metric, observed in means for row in _rows(observed)]
    table = pd.DataFrame(rows, columns=[*names, "metric", *factors, "value", "scored"])
    return table.astype(dict.fromkeys(FACTORS_OF_VARIATION, "Int64"))


def _is_mean(observations: Observations, value: float) -> bool:
    """Whether a metric's value is the mean of its observations, and not a function that they are influences on."""
    return bool(np.isclose(observations.mean, value, rtol=1e-9, atol=1e-12))


def _rows(observations: Observations) -> Iterator[dict[str, Any]]:
    """Of each run its seeds, its mean, and the number of its utterances that have a value."""
    for run, values in zip(observations.runs, observations.values, strict=True):
        scored = values[np.isfinite(values)]
        yield {**run, "value": scored.mean() if len(scored) else np.nan, "scored": len(scored)}
