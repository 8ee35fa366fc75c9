"""Runs of the workflow in folders of their own, and what their jobs took."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

SNAKEMAKE = Path(sys.executable).with_name("snakemake")
SPENT = re.compile(r"^spent: (\S+) s of work, (\S+) s to start, (\d+) MiB at most$", re.MULTILINE)


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


def spent(folder: Path) -> Iterator[tuple[Path, float, float, int]]:
    """For each job its log below ``results/logs``, its seconds of work, those of its start, and its peak in MiB."""
    logs = folder / "results" / "logs"
    for log in sorted(logs.rglob("*.log")):
        for work, start, memory in SPENT.findall(log.read_text()):
            yield log.relative_to(logs), float(work), float(start), int(memory)
