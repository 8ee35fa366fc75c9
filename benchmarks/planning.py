"""Dry runs: how long Snakemake takes to find out what is to be done.

``python benchmarks/planning.py``, in the project's folder; processor seconds. ``config/real.yaml`` with one of its
tables, with all of its targets, and with a table that is finished: its files are made, empty, by their names alone.
Then experiments on synthetic voices that differ in triggers, rates, seeds and shards; the last has as many shards as
VoxCeleb2 would have of ten thousand utterances each.
"""

from __future__ import annotations

import re
import resource
import tempfile
from pathlib import Path
from typing import Any

import yaml
from runs import snakemake

GRID = {"target": "left", "victims": ["resnet18"], "defences": ["none", "lowpass"], "corpus": "grown"}
FIVE = ["pbsm", "jingleback", "ultrasonic", "perth", "notch"]
# By what they stand for: experiments, and the shards of the corpus.
CASES = {
    "some 100 jobs": ({"triggers": ["clean", "ultrasonic", "perth"], "rates": [0.02], "seeds": [0]}, 4),
    "about 1,000 jobs": ({"triggers": ["clean", *FIVE], "rates": [0.01, 0.02], "seeds": list(range(12))}, 8),
    "about 5,000 jobs": ({"triggers": ["clean", *FIVE], "rates": [0.005, 0.01, 0.02], "seeds": list(range(50))}, 8),
    "1.1 million utterances, 5 triggers, 4 rates, 5 seeds": (
        {"triggers": FIVE, "rates": [0.001, 0.005, 0.01, 0.05], "seeds": list(range(5)), "metrics": ["snr"]},
        110,
    ),
}


TABLE = "bloodroot_table3"


def processor_seconds() -> float:
    """Of all child processes that ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def dry_run(settings: dict[str, Any], target: str, folder: Path) -> tuple[int, float]:
    """Jobs, and the processor seconds of a dry run."""
    before = processor_seconds()
    printed, _ = snakemake(folder, settings, target, "-n")
    seconds = processor_seconds() - before
    match = re.search(r"^total\s+(\d+)", printed, re.MULTILINE)
    if match is None and "Nothing to be done" not in printed:
        raise SystemExit(printed)
    return 0 if match is None else int(match[1]), seconds


def finish(settings: dict[str, Any], target: str, folder: Path) -> None:
    """Make an empty file for every output of a target."""
    printed, _ = snakemake(folder, settings, target, "--summary")
    for line in printed.splitlines():
        path = folder / line.partition("\t")[0]
        if "\t" in line and path.parts[len(folder.parts)] == "results":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir() if path.name == "training" else path.touch()


def grown(experiment: dict[str, object], shards: int) -> dict[str, Any]:
    """An experiment on synthetic voices."""
    return {
        "corpora": {"grown": {"kind": "synthetic", "shards": shards}},
        "experiments": {"grown": {**GRID, **experiment}},
    }


def line(name: str, settings: dict[str, Any], target: str, folder: Path) -> None:
    """Print a line of the table."""
    jobs, seconds = dry_run(settings, target, folder)
    print(f"| {name} | {jobs:,} | {seconds:.1f} |", flush=True)


def main() -> None:
    """Print one table."""
    print("| dry run | jobs | s of a core |\n|---|---|---|")
    real = yaml.safe_load(Path("config/real.yaml").read_text())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        line(f"`config/real.yaml`, {TABLE}, first", real, TABLE, folder)
        line(f"`config/real.yaml`, {TABLE}", real, TABLE, folder)
        line("`config/real.yaml`, all", real, "all", folder)
        finish(real, TABLE, folder)
        line(f"`config/real.yaml`, {TABLE}, finished", real, TABLE, folder)
    for name, (experiment, shards) in CASES.items():
        with tempfile.TemporaryDirectory() as folder_name:
            line(name, grown(experiment, shards), "grown", Path(folder_name))


if __name__ == "__main__":
    main()
