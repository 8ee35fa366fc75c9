"""Ends of jobs: causes of failures and durations, read from their logs (:mod:`sanguinaria.workflow.job`)."""

from __future__ import annotations

import re
from pathlib import Path

NO_MESSAGE = "no error message in its log; it may have been killed, for example for lack of memory"
NOT_BEGUN = "ended before it wrote to its log; its messages, if any, are above"
# A line that ends in a colon is followed by the first of the things that it counts.
ERROR = re.compile(r"^Error: (?:.*[^:\n]$|.+:$(?:\n[ \t]+.+)?)", re.MULTILINE)
# The line of an exception after the lines of its traceback, which are indented.
EXCEPTION = re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(?P<line>\S.*)", re.MULTILINE)
# Snakemake's message about a job that a signal ended.
SIGNAL = re.compile(r"died with <Signals\.(\w+): \d+>")
# The last line of a job that succeeded.
SPENT = re.compile(r"^spent: ([\d.]+) s of work, ([\d.]+) s to start.*\Z", re.MULTILINE)


def cause(log: Path | None, since: float, reported: str | None = None) -> str:
    """Return the first line of the cause of a failure.

    Args:
        log: of the failed job.
        since: time of the job's start, in seconds since the epoch: an older log is of an earlier run.
        reported: by a cluster or by Snakemake, such as that the job exceeded its memory.

    Returns:
        The line that begins with "Error:", with the next one where it ends in a colon; else the exception of the last
        traceback, else what was reported, else a sentence that there is none.
    """
    text = _text(log, since)
    if errors := ERROR.findall(text or ""):
        return " ".join(str(errors[0]).split())
    if exceptions := [match["line"] for match in EXCEPTION.finditer(text or "")]:
        return exceptions[-1]
    if reported:
        return reported.splitlines()[0]
    return NO_MESSAGE if text else NOT_BEGUN


def reported_cause(message: str) -> str | None:
    """Return the cause that Snakemake's message about a failed job has; ``None`` where it only has an exit code.

    >>> reported_cause("CalledProcessError in file a:\\nCommand 'python' died with <Signals.SIGKILL: 9>.")
    'ended by SIGKILL, for example for lack of memory'
    >>> reported_cause("RuntimeError: Cache backend unavailable\\n")
    'RuntimeError: Cache backend unavailable'
    """
    if match := SIGNAL.search(message):
        return f"ended by {match[1]}" + (", for example for lack of memory" if match[1] == "SIGKILL" else "")
    return None if "CalledProcessError" in message else message.strip().rpartition("\n")[2] or None


def spent(log: Path | None, since: float) -> float | None:
    """Return how long a job took in seconds, its start included and time in a cluster's queue left out.

    Args:
        log: of the job.
        since: time of the job's start, in seconds since the epoch.

    Returns:
        The duration; ``None`` for a job that has not succeeded.
    """
    match = SPENT.search((_text(log, since) or "").rstrip())
    return float(match[1]) + float(match[2]) if match else None


def has_begun(log: Path | None, since: float) -> bool:
    """Return whether a job has written to its log.

    Args:
        log: of the job.
        since: time from which on it may have begun, in seconds since the epoch.
    """
    return bool(_text(log, since))  # Snakemake creates an empty log for a result from a shared cache


def _text(log: Path | None, since: float) -> str | None:
    """The text of a log that was written since a time; ``None`` where there is none."""
    try:
        # A file system's clock may be coarser than the process's.
        if log is None or log.stat().st_mtime < since - 2:
            return None
        return log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
