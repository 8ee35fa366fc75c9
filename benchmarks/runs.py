"""Runs of the workflow in folders of their own, and what their jobs took."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

SNAKEMAKE = Path(sys.executable).with_name("snakemake")
SPENT = re.compile(
    r"^spent: (\S+) s of work, (\S+) s to start, (\d+) MiB at most, (\S+) s of the processor$", re.MULTILINE
)
# Of prctl(2): processes whose parent has ended, as the warm process, become children of this one.
PR_SET_CHILD_SUBREAPER = 36


def snakemake(folder: Path, settings: dict[str, Any], target: str, *options: str) -> tuple[str, float]:
    """Run the workflow in a folder with ``config.yaml`` and these settings; its output, and the seconds."""
    overlay, base = folder / "overlay.yaml", folder / "config.yaml"
    overlay.write_text(yaml.safe_dump(settings))
    if not base.exists():
        base.symlink_to(Path("config.yaml").resolve())
    command = [str(SNAKEMAKE), "--quiet", "rules", *options, "--directory", str(folder), "--configfile", str(overlay)]
    start = time.perf_counter()
    called = subprocess.run([*command, "--", target], capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if called.returncode:
        raise SystemExit(called.stdout + called.stderr)
    return called.stdout + called.stderr, seconds


@contextmanager
def processor_time() -> Iterator[list[float]]:
    """Seconds of the processor of all processes that are started in a block and end, those of the warm process too.

    Yields:
        An empty list, to which the seconds are appended at the end.
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    before, seconds = os.times(), []
    yield seconds
    while True:  # the warm process ends just after its run
        try:
            os.wait()
        except ChildProcessError:
            break
    after = os.times()
    seconds.append(sum(after[2:4]) - sum(before[2:4]))


def spent(folder: Path) -> Iterator[tuple[Path, float, float, int, float]]:
    """For each job its log below ``results/logs``, its seconds of work, those of its start, its peak in MiB.

    The last number is of the seconds of the processor in its work.
    """
    logs = folder / "results" / "logs"
    for log in sorted(logs.rglob("*.log")):
        for work, start, memory, processor in SPENT.findall(log.read_text()):
            yield log.relative_to(logs), float(work), float(start), int(memory), float(processor)
