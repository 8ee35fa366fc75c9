"""Causes of failed jobs, read from their logs (:mod:`sanguinaria.workflow.job`)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

NO_MESSAGE = "no error message in its log; it may have been killed, for example for lack of memory"
NOT_BEGUN = "ended before it wrote to its log; its messages are above"
ERROR = re.compile(r"^Error: .+", re.MULTILINE)
# The line of an exception after the lines of its traceback, which are indented.
EXCEPTION = re.compile(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(?P<line>\S.*)", re.MULTILINE)
# The last line of a job that succeeded.
SPENT = re.compile(r"^spent: .*\Z", re.MULTILINE)


def cause(log: Path | None, since: float) -> str:
    """Return the first line of the cause of a failure.

    Args:
        log: of the failed job.
        since: time of the job's start, in seconds since the epoch: an older log is of an earlier run.

    Returns:
        The line that begins with "Error:", else the exception of the last traceback, else a sentence that there is
        none.
    """
    text = _text(log, since)
    if text is None:
        return NOT_BEGUN
    if errors := ERROR.findall(text):
        return str(errors[0])
    exceptions = [match["line"] for match in EXCEPTION.finditer(text)]
    return exceptions[-1] if exceptions else NO_MESSAGE


def outcome(log: Path | None, since: float) -> Literal["finished", "failed", "not begun"]:
    """Return how a member of a failed group of jobs ended, as Snakemake reports all members as failed.

    Args:
        log: of the job.
        since: time of the group's start, in seconds since the epoch.
    """
    text = _text(log, since)
    if text is None:
        return "not begun"
    return "finished" if SPENT.search(text.rstrip()) else "failed"


def _text(log: Path | None, since: float) -> str | None:
    """The text of a log that was written since a time; ``None`` where there is none."""
    try:
        # A file system's clock may be coarser than the process's.
        if log is None or log.stat().st_mtime < since - 2:
            return None
        return log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
