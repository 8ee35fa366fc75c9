"""Log of the trainings of a job: a CSV file of losses that is written, and can be read, while they run.

A result's own ``history.csv`` is deterministic; this file also has the time, and lies with the logs.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from sanguinaria.core.atomic_files import atomic


class TrainingLog:
    """Rows of the trainings of one job, which replace the file with every row: a reader sees whole lines.

    Columns are ``training`` (its name), ``step`` or ``epoch``, the logged values by name, and ``seconds`` of the job up
    to the row, those of interrupted runs included.

    Args:
        path: the CSV file. The rows of an interrupted run are continued.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows = _read(path)
        self._start = time.monotonic()
        self._earlier: float | None = None

    def add(self, training: str, row: Mapping[str, float]) -> None:
        """Append a row, in place of rows that an interrupted run wrote after its last checkpoint.

        Args:
            training: name of the training, as a job may have several.
            row: the number of the step or epoch, named ``step`` or ``epoch``, and then the values by name.
        """
        unit, number = next(iter(row.items()))
        self._rows = [old for old in self._rows if not _is_replaced(old, training, unit, number)]
        if self._earlier is None:
            self._earlier = max((float(old["seconds"]) for old in self._rows), default=0.0)
        seconds = self._earlier + time.monotonic() - self._start
        values = {name: f"{value:.6g}" for name, value in row.items()}
        self._rows.append({"training": training, **values, "seconds": f"{seconds:.1f}"})
        self._write()

    def _write(self) -> None:
        names = dict.fromkeys(name for row in self._rows for name in row if name != "seconds")
        with atomic(self.path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [*names, "seconds"], restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)


_CURRENT: ContextVar[TrainingLog | None] = ContextVar("training_log", default=None)


@contextmanager
def training_log(path: Path) -> Iterator[None]:
    """Let :func:`log_training` write to a file within the block.

    Args:
        path: the CSV file, which is written with the first row.

    Yields:
        Nothing.
    """
    token = _CURRENT.set(TrainingLog(path))
    try:
        yield
    finally:
        _CURRENT.reset(token)


def log_training(training: str, row: Mapping[str, float]) -> None:
    """Add a row to the job's training log; outside of a job, nothing is written.

    Args:
        training: name of the training.
        row: the number of the step or epoch, named ``step`` or ``epoch``, and then the values by name.
    """
    log = _CURRENT.get()
    if log is not None:
        log.add(training, row)


def _is_replaced(old: Mapping[str, str], training: str, unit: str, number: float) -> bool:
    """Whether a row is of the same training, and not before the step or epoch."""
    return old["training"] == training and float(old[unit]) >= number


def _read(path: Path) -> list[dict[str, str]]:
    """Rows of an interrupted run without their empty cells; none where the file is missing or is no such log."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [{name: value for name, value in row.items() if value} for row in csv.DictReader(file)]
            complete = all(row.keys() >= {"training", "seconds"} and row.keys() & {"step", "epoch"} for row in rows)
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
    return rows if complete else []
