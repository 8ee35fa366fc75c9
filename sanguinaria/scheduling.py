"""Keeps Snakemake's scheduler from looking for work ever more often.

With each look for jobs to start Snakemake 9.27 sets a timer for another one, after the timespan of its
``--max-jobs-per-timespan`` (a second), whatever it finds; a look follows each job that ends, too. So every finished job
leaves one more look a second for good: after some hundred jobs the scheduler takes a fifth of a core, and it goes on
growing. No option turns it off. Here a timer is set only where none is pending, and none outlives the run.
"""

from __future__ import annotations

import threading
from typing import Any


def prepare() -> None:
    """Replace the method that sets the timers; a Snakemake that has it no more is left as it is."""
    from snakemake.scheduling.job_scheduler import JobScheduler

    if hasattr(JobScheduler, "_schedule_reevalutation"):
        JobScheduler._schedule_reevalutation = look_again


def look_again(scheduler: Any, delay: float) -> None:
    """Let a scheduler look for work after some seconds, unless it is going to anyway."""
    pending: set[float] = scheduler.__dict__.setdefault("_pending_looks", set())
    if delay in pending:
        return
    pending.add(delay)

    def look() -> None:
        pending.discard(delay)  # before the look, which may set the next timer
        scheduler._open_jobs.release()

    timer = threading.Timer(delay, look)
    timer.daemon = True
    timer.start()
