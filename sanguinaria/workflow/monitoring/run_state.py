"""State of a run: which jobs are done, running, to come, failed, or reused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """A job that has started.

    Attributes:
        rule: its kind.
        name: of its result, such as ``lstm-0123456789ab``.
        started: time in seconds.
        log: its log; ``None`` where it has none.
        entries: names of the entries behind it; empty for a table or figure.
    """

    rule: str
    name: str
    started: float
    log: Path | None
    entries: str = ""


@dataclass(frozen=True)
class Failure:
    """A failed job, and the first line of its cause."""

    job: Job
    cause: str


@dataclass
class Run:
    """Jobs of a run by their state; kinds of jobs are names of rules.

    Attributes:
        planned: number of jobs by kind.
        reused: number of jobs by kind whose results are there from earlier runs.
        running: by Snakemake's number of the job.
        seconds: durations of the jobs that ran, by kind.
        fetched: number of jobs by kind whose results came from a shared cache.
        failed: by Snakemake's number of the job.
        started: time of the start in seconds.
        interrupted: whether the user ended the run.
    """

    planned: Counter[str] = field(default_factory=Counter)
    reused: Counter[str] = field(default_factory=Counter)
    running: dict[int, Job] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    fetched: Counter[str] = field(default_factory=Counter)
    failed: dict[int, Failure] = field(default_factory=dict)
    started: float = 0.0
    interrupted: bool = False

    def plan(self, planned: Mapping[str, int], reused: Mapping[str, int], now: float) -> None:
        """Begin the run with its numbers of jobs by kind."""
        self.planned, self.reused, self.started = Counter(planned), Counter(reused), now

    def start(self, number: int, job: Job) -> None:
        """Note that a job runs; one that failed before is tried again."""
        self.failed.pop(number, None)
        self.running[number] = job

    def finish(self, number: int, seconds: float) -> None:
        """Note that a running job has succeeded, and how long it took."""
        job = self.running.pop(number, None)
        if job is not None:
            self.seconds.setdefault(job.rule, []).append(seconds)

    def fetch(self, number: int) -> None:
        """Note that the result of a job came from a shared cache."""
        job = self.running.pop(number, None)
        if job is not None:
            self.fetched[job.rule] += 1

    def fail(self, number: int, cause: str) -> None:
        """Note that a running job has failed."""
        job = self.running.pop(number, None)
        if job is not None:
            self.failed[number] = Failure(job, cause)

    def withdraw(self, number: int) -> None:
        """Note that a job, which was announced with its group, has not run."""
        self.running.pop(number, None)

    @property
    def done(self) -> Counter[str]:
        """Number of finished jobs by kind."""
        return Counter({rule: len(durations) for rule, durations in self.seconds.items()}) + self.fetched

    @property
    def running_kinds(self) -> Counter[str]:
        """Number of running jobs by kind."""
        return Counter(job.rule for job in self.running.values())

    @property
    def to_come(self) -> Counter[str]:
        """Number of jobs by kind that have not started."""
        failed = Counter(failure.job.rule for failure in self.failed.values())
        return self.planned - self.done - self.running_kinds - failed
