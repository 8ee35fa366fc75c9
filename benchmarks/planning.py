"""Dry runs: how long Snakemake takes to find out what is to be done.

``python benchmarks/planning.py``, in the project's folder. Experiments on synthetic voices differ in triggers, rates,
seeds and shards; the last has as many shards as VoxCeleb2 would have of ten thousand utterances each.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

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


def dry_run(experiment: dict[str, object], shards: int, folder: Path) -> tuple[int, float]:
    """Jobs, and the seconds of a dry run."""
    settings = {
        "corpora": {"grown": {"kind": "synthetic", "shards": shards}},
        "experiments": {"grown": {**GRID, **experiment}},
    }
    printed, seconds = snakemake(folder, settings, "grown", "-n")
    match = re.search(r"^total\s+(\d+)", printed, re.MULTILINE)
    assert match is not None, printed
    return int(match[1]), seconds


def main() -> None:
    """Print one table."""
    print("| dry run | jobs | seconds |\n|---|---|---|")
    for name, (experiment, shards) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            jobs, seconds = dry_run(experiment, shards, Path(folder))
        print(f"| {name} | {jobs:,} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
