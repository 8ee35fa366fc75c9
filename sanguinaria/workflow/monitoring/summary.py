"""Summary at the end of a run: what ran, what was reused, what failed and why, and how to go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sanguinaria.workflow.monitoring.run_state import Failure, Run
from sanguinaria.workflow.monitoring.wording import counts, duration, kind

KEPT = "Finished results are kept, and trainings continue from their last checkpoint."


def summary(run: Run, command: str, now: float, results: Sequence[str] = ()) -> str:
    """Return the summary of a run, in lines.

    Args:
        run: the state at its end.
        command: the command line of the run, by which it goes on.
        now: time in seconds, on the clock of the run.
        results: lines about the tables and figures that a whole run has made or found.
    """
    lines = [*_lines(run, command, now)]
    return "\n".join([*lines, *(results if _is_whole(run) else ())])


def _is_whole(run: Run) -> bool:
    """Whether nothing failed, and nothing is to come."""
    return not (run.failed or run.interrupted or run.to_come or run.running)


def _lines(run: Run, command: str, now: float) -> Iterator[str]:
    if not run.planned:
        yield f"Interrupted before the first job. To start again: {command}"
        return
    ran = sum(map(len, run.seconds.values()))
    yield f"Ran: {ran} of {run.planned.total()} jobs in {duration(now - run.started)}"
    yield from _durations(run)
    if run.fetched:
        yield f"From the shared cache: {counts(run.fetched)}"
    yield f"Reused: {run.reused.total()} results of earlier runs" + (f" ({counts(run.reused)})" if run.reused else "")
    if run.failed:
        yield f"Failed: {len(run.failed)}"
        for failure in run.failed.values():
            yield from _failure(failure)
    missing = run.to_come + run.running_kinds
    if missing or run.failed or run.interrupted:
        reason = "Interrupted: " if run.interrupted else ""
        yield f"{reason}{missing.total()} jobs are still to come" + (f" ({counts(missing)})" if missing else "")
        yield f"{KEPT} To go on{', once the causes are removed' if run.failed else ''}: {command}"


def _durations(run: Run) -> Iterator[str]:
    """A line for each kind of job that ran, the longest first."""
    totals = sorted(((sum(seconds), rule) for rule, seconds in run.seconds.items()), reverse=True)
    width = max((len(kind(rule)) for _, rule in totals), default=0)
    for total, rule in totals:
        number = len(run.seconds[rule])
        each = f", {duration(total / number)} each" if number > 1 else ""
        yield f"  {kind(rule):<{width}}  {number:>5}  {duration(total)}{each}"


def _failure(failure: Failure) -> Iterator[str]:
    """The lines of a failed job."""
    yield f"  {kind(failure.job.rule)} {failure.job.name}"
    if failure.job.entries:
        yield f"    {failure.job.entries}"
    yield f"    {failure.cause}"
    if failure.job.log is not None:
        yield f"    log: {failure.job.log}"
