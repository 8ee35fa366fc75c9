"""Time that a run still takes, from the durations of finished jobs of the same kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean

from sanguinaria.workflow.monitoring.run_state import Run


@dataclass(frozen=True)
class TimeLeft:
    """Remaining time of a run.

    Attributes:
        seconds: of the jobs whose duration is known.
        estimated: kinds whose duration is an expected one, as no job of theirs has finished.
        unknown: kinds of unknown duration, which ``seconds`` leaves out.
    """

    seconds: float
    estimated: tuple[str, ...]
    unknown: tuple[str, ...]


def time_left(run: Run, jobs_at_once: int, expected: Mapping[str, float], now: float) -> TimeLeft:
    """Compute the remaining time of a run.

    The remaining seconds of all jobs are divided by the number of jobs that run at once; the longest job is a lower
    bound.

    Args:
        run: the state of the run.
        jobs_at_once: number of jobs that run at once where there are enough.
        expected: durations in seconds by kind of job, before any was measured in this run.
        now: time in seconds, on the clock of the run.

    Returns:
        Remaining time. A kind's duration is the mean of its finished jobs, or else the expected one times the quotient
        of measured and expected seconds of the other kinds.
    """
    durations = _durations(run, expected)
    remaining = [
        max(0.0, durations[job.rule] - (now - job.started)) for job in run.running.values() if job.rule in durations
    ]
    for rule, count in run.to_come.items():
        remaining += [durations[rule]] * count if rule in durations else []
    at_once = max(1, min(jobs_at_once, len(remaining)))
    unmeasured = sorted((run.to_come + run.running_kinds).keys() - run.seconds.keys())
    return TimeLeft(
        seconds=max(sum(remaining) / at_once, max(remaining, default=0.0)),
        estimated=tuple(rule for rule in unmeasured if rule in durations),
        unknown=tuple(rule for rule in unmeasured if rule not in durations),
    )


def _durations(run: Run, expected: Mapping[str, float]) -> dict[str, float]:
    """Durations by kind, of one job."""
    compared = [rule for rule in run.seconds if rule in expected]
    stated = sum(expected[rule] * len(run.seconds[rule]) for rule in compared)
    correction = sum(sum(run.seconds[rule]) for rule in compared) / stated if stated else 1.0
    measured = {rule: mean(seconds) for rule, seconds in run.seconds.items()}
    return {rule: correction * seconds for rule, seconds in expected.items()} | measured
