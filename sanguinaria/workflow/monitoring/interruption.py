"""Interruption of a run by SIGINT, which Ctrl-C sends: jobs are ended, and the run ends without a traceback."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType

# Seconds between two searches for jobs that have started since.
INTERVAL = 0.5
# Put before the command of every job: Ctrl-C reaches the main process alone, which ends the jobs by SIGTERM.
JOBS_IGNORE_SIGINT = "set -eu; trap '' INT; "


def end_jobs_on_interruption(has_local_jobs: Callable[[], bool], interrupted: Callable[[], None]) -> None:
    """End the process's jobs on the first SIGINT, and kill them on the next.

    The first SIGINT raises KeyboardInterrupt, on which Snakemake's scheduler waits for its jobs. Where it arrives
    outside the scheduler, the process ends; no traceback of it is printed.

    Args:
        has_local_jobs: returns whether child processes are jobs, and not commands of a cluster.
        interrupted: called at the first SIGINT.
    """
    signals_received = 0

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal signals_received
        signals_received += 1
        if signals_received > 1:
            _say("Killing the running jobs.")
            _signal_children(signal.SIGKILL, set())
            return
        interrupted()
        if has_local_jobs():
            _say("Interrupted: the running jobs are being ended; Ctrl-C again kills them.")
            threading.Thread(target=_end_children, daemon=True).start()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    sys.excepthook = _without_interruptions(sys.excepthook)


def _end_children() -> None:
    """Send SIGTERM once to every job, also to those that are still being started."""
    signalled: set[int] = set()
    while True:
        _signal_children(signal.SIGTERM, signalled)
        time.sleep(INTERVAL)


def _signal_children(number: int, signalled: set[int]) -> None:
    """Send a signal to the descendants of this session that are not in a set, and add them.

    A process with a session of its own is served by others, and ends by itself.
    """
    import psutil

    session = os.getsid(0)
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if child.pid not in signalled and os.getsid(child.pid) == session:
                signalled.add(child.pid)
                child.send_signal(number)


def _say(text: str) -> None:
    """Print from a signal handler, where a buffered stream may be in use."""
    os.write(2, f"\n{text}\n".encode())


ExceptHook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


def _without_interruptions(hook: ExceptHook) -> ExceptHook:
    """A hook for uncaught exceptions that prints none for KeyboardInterrupt."""

    def print_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            hook(kind, error, trace)

    return print_exception
