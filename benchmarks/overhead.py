"""Overhead of the workflow over the work of the demonstration, and the time of a run that has nothing to do.

``python benchmarks/overhead.py``, in the project's folder. The demonstration runs on two cores in a folder of its own.
*Work* is what jobs took after their start, added up and halved; what is left of the run's time is Snakemake's own, the
start of each job, and cores that had nothing to do.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from runs import snakemake, spent

CORES = 2


def main() -> None:
    """Print one table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, wall = snakemake(folder, {}, "demo", "--cores", str(CORES))
        jobs = list(spent(folder))
        _, again = snakemake(folder, {}, "demo", "--cores", str(CORES))
    work = sum(work for _, work, _, _ in jobs) / CORES
    starts = sum(start for _, _, start, _ in jobs) / CORES
    print("| the demonstration | |\n|---|---|")
    print(f"| jobs | {len(jobs)} |")
    print(f"| run | {wall:.1f} s |")
    print(f"| work, {CORES} cores | {work:.1f} s |")
    print(f"| starts of jobs, {CORES} cores | {starts:.1f} s |")
    print(f"| overhead, of the run | {100 * (1 - work / wall):.1f} % |")
    print(f"| nothing to do | {again:.1f} s |")


if __name__ == "__main__":
    main()
