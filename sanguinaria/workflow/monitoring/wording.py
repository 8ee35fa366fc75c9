"""Durations, counts and the line of progress in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sanguinaria.workflow.monitoring.run_state import Run
from sanguinaria.workflow.monitoring.time_left import TimeLeft

# Kinds that a line lists before it says how many more there are.
LISTED = 3
# Beginnings of Snakemake's messages that are no news, or that the summary has with their causes.
REPETITIVE = (
    "Workflow defines that rule",
    "Select jobs to execute",
    "Assuming unrestricted shared filesystem",
    "Using shell:",
    "Conda environments: ignored",
    "Singularity containers: ignored",
    "Terminating processes on user request",
    "Shutting down, this might take some time",
    "Exiting because a job execution failed",
    "Elapsed time",
    "Symlinking output file",
    "Moving output file",
    "RuleException:\nCalledProcessError",
    "WorkflowError:\nAt least one job did not complete successfully",
)


def duration(seconds: float) -> str:
    """Return a duration in words, in two units at most.

    >>> [duration(seconds) for seconds in (0.4, 59.7, 192, 600, 7500, 200_000)]
    ['0 s', '1 min', '3 min 12 s', '10 min', '2 h 5 min', '2 d 7 h']
    """
    rounded = round(seconds) if seconds < 600 else 60 * round(seconds / 60)
    for size, unit, smaller, smaller_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if rounded >= size:
            whole, rest = divmod(rounded, size)
            return f"{whole} {unit}" + (f" {rest // smaller} {smaller_unit}" if rest // smaller else "")
    return f"{rounded} s"


def kind(rule: str) -> str:
    """Return the name of a kind of job.

    >>> kind("triggered_block")
    'triggered block'
    """
    return rule.replace("_", " ")


def counts(numbers: Mapping[str, int], listed: int | None = None) -> str:
    """Return counts by kind in words, the most frequent first.

    >>> counts({"victim": 4, "scores": 12, "trial_scores": 1})
    '12 scores, 4 victim, 1 trial scores'
    >>> counts({"victim": 4, "scores": 12, "trial_scores": 1}, listed=1)
    '12 scores, 5 of other kinds'
    """
    ordered = sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0]))
    words = [f"{number} {kind(rule)}" for rule, number in ordered[:listed]]
    rest = sum(number for _, number in ordered[len(words) :])
    return ", ".join([*words, *([f"{rest} of other kinds"] if rest else [])])


def progress_line(run: Run, left: TimeLeft, now: float) -> str:
    """Return the line of progress: jobs done, running and to come, elapsed time, and time left.

    Args:
        run: the state of the run.
        left: its remaining time.
        now: time in seconds, on the clock of the run.
    """
    parts = [f"{run.done.total()} of {run.planned.total()} jobs done"]
    kinds = f" ({counts(run.running_kinds, LISTED)})" if run.running else ""
    parts.append(f"{len(run.running)} running{kinds}")
    parts.append(f"{run.to_come.total()} to come")
    if run.failed:
        parts.append(f"{len(run.failed)} failed")
    return f"[{duration(now - run.started)}] {', '.join(parts)}; {_left(left)}"


def _left(left: TimeLeft) -> str:
    """The remaining time in words, with what it rests on."""
    if left.unknown:
        known = f"at least {duration(left.seconds)} left" if left.seconds else "time left unknown"
        return f"{known} (no duration yet of {_kinds(left.unknown)})"
    if not left.seconds:
        return "the last jobs take longer than expected"
    basis = f" (estimated: no finished {_kinds(left.estimated)} yet)" if left.estimated else ""
    return f"about {duration(left.seconds)} left{basis}"


def _kinds(rules: Sequence[str]) -> str:
    """The first of some kinds."""
    return ", ".join(kind(rule) for rule in rules[:LISTED]) + (", …" if rules[LISTED:] else "")
