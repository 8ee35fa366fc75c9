"""Log handler of a run, by the interface of Snakemake's logger plug-ins: a line of progress, failures, a summary."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from sanguinaria.workflow.monitoring import causes
from sanguinaria.workflow.monitoring.run_state import Job, Run
from sanguinaria.workflow.monitoring.summary import summary
from sanguinaria.workflow.monitoring.time_left import time_left
from sanguinaria.workflow.monitoring.wording import REPETITIVE, counts, kind, progress_line

# Seconds between two lines: on a terminal one that is replaced; elsewhere one more, rarer the longer a run takes.
TERMINAL_INTERVAL, PLAIN_INTERVAL, PLAIN_SHARE = 1.0, 10.0, 0.02
CLEAR_LINE = "\r\x1b[K"


class LogHandler(LogHandlerBase):
    """Prints what a run does, from Snakemake's events.

    Args:
        common_settings: Snakemake's settings of its output.
        stream: on which it prints.
        command: the command line of the run.
        jobs_at_once: returns the number of jobs that run at once.
        targets: returns the names of rules that only name results, and make none.
        reused: returns the number of jobs by rule whose results are there already.
        expected: returns expected durations of jobs in seconds, by rule.
        entries: returns the names of the entries behind a result, by a file of it.
        results: returns lines about the tables and figures of the run.
        show_progress: whether the line of progress is printed.
        only_failures: whether nothing is printed but why jobs failed.
        clock: returns seconds since the epoch.
    """

    def __init__(
        self,
        common_settings: Any,
        *,
        stream: TextIO,
        command: str,
        jobs_at_once: Callable[[], int] = lambda: 1,
        targets: Callable[[], Collection[str]] = tuple,
        reused: Callable[[], Mapping[str, int]] = dict,
        expected: Callable[[], Mapping[str, float]] = dict,
        entries: Callable[[Path], str] = lambda path: "",
        results: Callable[[], Sequence[str]] = tuple,
        show_progress: bool = True,
        only_failures: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(common_settings, None)
        self.run = Run()
        self.stream, self.command, self.clock = stream, command, clock
        self.jobs_at_once, self.targets, self.reused, self.expected = jobs_at_once, targets, reused, expected
        self.entries, self.results = entries, results
        self._expected: Mapping[str, float] = {}
        self.show_progress, self.only_failures = show_progress and not only_failures, only_failures
        self._terminal = stream.isatty()
        self._line_is_shown = False
        # By thread, as Snakemake reports the exception of a job and then its failure.
        self._reported: dict[int, str | None] = {}
        self._last_line = 0.0
        self._ended = threading.Event()

    @property
    def writes_to_stream(self) -> bool:
        """True: to standard error or output."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """False."""
        return False

    @property
    def has_filter(self) -> bool:
        """True: it chooses among the events itself."""
        return True

    @property
    def has_formatter(self) -> bool:
        """True: it has its own words."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """False."""
        return False

    def emit(self, record: logging.LogRecord) -> None:
        """Update the state of the run by an event of Snakemake's; messages without an event are not printed here."""
        event = getattr(record, "event", None)
        receivers = {
            LogEvent.RUN_INFO: self._plan,
            LogEvent.JOB_INFO: self._start,
            LogEvent.JOB_FINISHED: self._finish,
            LogEvent.ERROR: self._report,
            LogEvent.JOB_ERROR: self._fail,
        }
        if event in receivers:
            try:
                receivers[event](vars(record))
            except Exception:
                self.handleError(record)

    def clear_line(self) -> None:
        """Remove the line of progress from a terminal, so that another message can be printed."""
        with self.lock:  # type: ignore[union-attr]
            if self._line_is_shown:
                self.stream.write(CLEAR_LINE)
                self.stream.flush()
                self._line_is_shown = False

    def interrupt(self) -> None:
        """Note that the user ends the run."""
        self.run.interrupted = True

    def close(self) -> None:
        """Print the summary, once, of a run that has begun or was interrupted; the results of one that had no jobs."""
        if not self._ended.is_set():
            self._ended.set()
            if not self.only_failures:
                self._print_end()
        super().close()

    def _print_end(self) -> None:
        if self.run.planned or self.run.interrupted:
            self.print(summary(self.run, self.command, self.clock(), self.results()))
        elif not self._reported and (results := self.results()):  # no error
            self.print("\n".join(results))

    def print(self, text: str) -> None:
        """Print lines in place of the line of progress."""
        with self.lock:  # type: ignore[union-attr]
            self.clear_line()
            self.stream.write(text + "\n")
            self.stream.flush()

    def refresh(self) -> None:
        """Print the line of progress where it is due."""
        with self.lock:  # type: ignore[union-attr]
            now = self.clock()
            pause = max(PLAIN_INTERVAL, PLAIN_SHARE * (now - self.run.started))
            over = self._ended.is_set() or self.run.interrupted
            if over or (not self._terminal and now - self._last_line < pause):
                return
            self._last_line = now
            line = progress_line(self.run, time_left(self.run, self.jobs_at_once(), self._expected, now), now)
            if self._terminal:
                self.stream.write(CLEAR_LINE + line[: shutil.get_terminal_size().columns - 1])
                self.stream.flush()
                self._line_is_shown = True
            else:
                self.print(line)

    def _plan(self, event: Mapping[str, Any]) -> None:
        """Begin with the numbers of jobs; the line of progress is refreshed from now on."""
        no_jobs = {"total", *self.targets()}
        planned, reused = (
            {rule: number for rule, number in numbers.items() if rule not in no_jobs}
            for numbers in (event["stats"], self.reused())
        )
        self.run.plan(planned, reused, self.clock())
        self._last_line = self.clock()
        if self.only_failures:
            return
        self.print(
            f"To run: {self.run.planned.total()} jobs ({counts(planned)}); "
            f"reused: {self.run.reused.total()} results of earlier runs"
        )
        if self.show_progress:
            self._expected = self.expected()
            threading.Thread(target=self._tick, daemon=True).start()

    def _tick(self) -> None:
        """Refresh the line until the run ends."""
        while not self._ended.wait(TERMINAL_INTERVAL):
            self.refresh()

    def _start(self, event: Mapping[str, Any]) -> None:
        """A job has started, or was submitted."""
        if event["rule_name"] in self.run.planned:
            log = Path(event["log"][0]) if event["log"] else None
            name = next(iter((event["wildcards"] or {}).values()), "")
            entries = self.entries(Path(event["output"][0])) if event.get("output") else ""
            self.run.start(event["jobid"], Job(event["rule_name"], str(name), self.clock(), log, entries))

    def _finish(self, event: Mapping[str, Any]) -> None:
        """A job has succeeded; one that wrote nothing to its log has its result from a shared cache."""
        number = event["job_id"]
        job = self.run.running.get(number)
        if job is None:
            return
        if causes.has_begun(job.log, job.started):
            seconds = causes.spent(job.log, job.started)
            self.run.finish(number, self.clock() - job.started if seconds is None else seconds)
        else:
            self.run.fetch(number)

    def _report(self, event: Mapping[str, Any]) -> None:
        """Keep what Snakemake says about a job that is about to be reported as failed."""
        message = str(event["msg"])
        self._reported[event["thread"]] = causes.reported_cause(message)
        if self.only_failures and not message.startswith(REPETITIVE):  # Snakemake itself prints nothing then
            self.print(message)

    def _fail(self, event: Mapping[str, Any]) -> None:
        """A job has failed: print why. Jobs that an interruption ended are still to come.

        Snakemake reports all members of a failed group as failed; these are told apart by their logs.
        """
        number = event["jobid"]
        job = self.run.running.get(number)
        if job is None:
            return
        reported = event.get("rule_msg") or self._reported.pop(event["thread"], None)
        is_member, seconds = event.get("indent"), causes.spent(job.log, job.started)
        if self.run.interrupted or (is_member and not causes.has_begun(job.log, job.started)):
            self.run.withdraw(number)
        elif is_member and seconds is not None:
            self.run.finish(number, seconds)
        else:
            self.run.fail(number, causes.cause(job.log, job.started, reported))
            names = f" ({job.entries})" if job.entries else ""
            self.print(f"Failed: {kind(job.rule)} {job.name}{names}: {self.run.failed[number].cause} (log: {job.log})")
