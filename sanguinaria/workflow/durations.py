"""Durations of jobs: measured ones from their logs, and expected ones of results to come.

The last line of a job's log says how long it took. Measured seconds of one kind of work on one device correct the
stated rates (:mod:`sanguinaria.plan.cost.rates`) by a factor, and by a constant for each job, so that a job of the same
size takes as long as measured. The stated rates weigh as much as a minute of measurements: the overheads of jobs of a
second tell nothing about jobs of hours.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from sanguinaria.core.paths import RESULTS
from sanguinaria.plan.cost.jobs import BOOKKEEPING_LOGS, bookkeeping_jobs, working_jobs
from sanguinaria.plan.cost.rates import CPU, device_name, stated_seconds
from sanguinaria.plan.cost.specifications import KEY, Specification, of_job, of_stage
from sanguinaria.plan.cost.work import Part, Work, work_of
from sanguinaria.plan.stages.stage import Stage

# Of sanguinaria.workflow.job and sanguinaria.core.devices.
SPENT = re.compile(r"^spent: ([\d.]+) s of work, ([\d.]+) s to start", re.MULTILINE)
DEVICE = re.compile(r"^device: cuda \(CUDA_VISIBLE_DEVICES=\S*, (.+)\)$", re.MULTILINE)
# Seconds of measurements that the stated rates weigh as much as.
STATED_SECONDS = 60.0
# Logs of one readable name that are read: more make no better rate.
LARGEST_SAMPLE = 20


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A finished job.

    Attributes:
        kind: of its work.
        device: ``cpu``, or the short name of a GPU.
        seconds: measured, from the start of its process.
        stated: seconds by the stated rates.
    """

    kind: str
    device: str
    seconds: float
    stated: float


@dataclass(frozen=True, kw_only=True)
class Correction:
    """A correction of stated seconds.

    Attributes:
        factor: on them.
        seconds_per_job: beyond them, whatever the size of the job.
    """

    factor: float = 1.0
    seconds_per_job: float = 0.0


def expected_seconds(stage: Stage, device: str = CPU, results: Path = RESULTS) -> float:
    """Return how long all jobs of a stage take, one after the other, the starts of their processes included.

    Args:
        stage: of a plan.
        device: ``cpu``, or the GPU of jobs that request one (:func:`sanguinaria.plan.cost.rates.devices`).
        results: the results folder, whose logs correct the stated rates.
    """
    return seconds_of(of_stage(stage), device, results)


def seconds_of(stage: Specification, device: str = CPU, results: Path = RESULTS) -> float:
    """Return the same as :func:`expected_seconds`.

    Args:
        stage: nested specification.
        device: of jobs that request a GPU.
        results: the results folder.
    """
    work = work_with_start(stage)
    where = device if work.gpu else CPU
    by_logs = correction(stage["stage"], work.kind, where, results)
    bookkeeping = Work(kind="", parts=(Part(rate="bookkeeping", units=bookkeeping_jobs(stage)),))
    seconds = by_logs.factor * stated_seconds(work, device) + by_logs.seconds_per_job * working_jobs(stage)
    return seconds + stated_seconds(bookkeeping)


def work_with_start(stage: Specification) -> Work:
    """Return the work of a stage, with the start of the jobs that share it."""
    work = work_of(stage)
    return replace(work, parts=(Part(rate="start", units=working_jobs(stage)), *work.parts))


def correction(stage: str, kind: str, device: str = CPU, results: Path = RESULTS) -> Correction:
    """Return how finished jobs correct the stated seconds of a kind of work.

    Args:
        stage: folder of the results.
        kind: of the work.
        device: on which it was done.
        results: the results folder.
    """
    jobs = [each for each in measured(stage, results) if (each.kind, each.device) == (kind, device)]
    if not jobs:
        return Correction()
    seconds, stated = sum(job.seconds for job in jobs), sum(job.stated for job in jobs)
    factor = (seconds + STATED_SECONDS) / (stated + STATED_SECONDS)
    return Correction(factor=factor, seconds_per_job=max(0.0, (seconds - factor * stated) / len(jobs)))


def measured(stage: str, results: Path = RESULTS) -> tuple[Measurement, ...]:
    """Return measurements of finished jobs of a stage, a sample where there are many."""
    logs = results / "logs" / stage
    return _measured(logs, results, logs.stat().st_mtime_ns) if logs.is_dir() else ()


@lru_cache(maxsize=256)
def _measured(logs: Path, results: Path, modified: int) -> tuple[Measurement, ...]:
    """Measurements from the logs below a folder; they are read again when it has changed."""
    return tuple(_measurements(logs, results))


def _measurements(logs: Path, results: Path) -> Iterator[Measurement]:
    counts: Counter[str] = Counter()
    for path in sorted(logs.rglob("*.log")):
        key = path.stem if path.parent == logs else path.parent.name
        name = key.rpartition("-")[0]
        if not KEY.fullmatch(key) or path.stem in BOOKKEEPING_LOGS or counts[name] >= LARGEST_SAMPLE:
            continue
        if (measurement := _measurement(path, results / logs.name / key, results)) is not None:
            counts[name] += 1
            yield measurement


def _measurement(log: Path, folder: Path, results: Path) -> Measurement | None:
    """The measurement of a log.

    ``None`` for an unfinished job, and for one whose specification is not stored, or is of a former version.
    """
    text = log.read_text(encoding="utf-8", errors="replace")
    spent = SPENT.search(text)
    specification = folder / "spec.json"
    if spent is None or not specification.is_file():
        return None
    try:
        stage = of_job(specification.read_text(encoding="utf-8"), folder.name, results)
        work = work_with_start(stage)
    except (LookupError, TypeError, ValueError):
        return None
    gpu = DEVICE.search(text)
    device = CPU if gpu is None else device_name(gpu[1])
    stated = stated_seconds(work, device) / working_jobs(stage)
    return Measurement(kind=work.kind, device=device, seconds=float(spent[1]) + float(spent[2]), stated=stated)
