"""Sentences about a table's intervals: over which factors of variation they are, and what was made once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sanguinaria.reports.cells import Measured
from sanguinaria.statistics.intervals import Estimate


def interval_notes(measured: Sequence[Measured]) -> Iterator[str]:
    """Yield the sentences for a table's legend.

    Args:
        measured: the metrics of all lines that have intervals on the page.
    """
    estimates = [value.estimate for value in measured if value.scored]
    # Of the most factors first; a line without a generator, say, has fewer.
    covered = dict.fromkeys(_covers(estimate) for estimate in estimates if estimate.repeated and estimate.covers)
    if covered:
        longest = sorted(covered, key=lambda text: -text.count(" and "))
        yield f"95 % intervals are over {'; or over '.join(longest)}"
    moved_nowhere = _not_moved(estimate for estimate in estimates if estimate.repeated)
    if moved_nowhere:
        yield f"made once, so that no interval includes their variation: {', '.join(moved_nowhere)}"
    if any(not estimate.repeated for estimate in estimates):
        once = ", ".join(_not_moved(estimate for estimate in estimates if not estimate.repeated))
        yield f"interval not estimated where {once} had one seed (the long table has that over utterances alone)"


def _covers(estimate: Estimate) -> str:
    return " and ".join(f"{groups} of {factor}" for factor, groups in estimate.covers.items())


def _not_moved(estimates: Iterator[Estimate]) -> list[str]:
    return sorted({factor for estimate in estimates for factor in estimate.not_moved})
