"""Overhead of the workflow over the work of the demonstration, and the time of a run that has nothing to do.

``python benchmarks/overhead.py``, in the project's folder; with ``SANGUINARIA_WARM=0`` before it, each job starts by
itself. The demonstration runs on two cores in a folder of its own. *Work* is what jobs took after their start; what is
left is Snakemake's own, the start of each job, and, of the time that a clock shows, cores that had nothing to do.
Seconds of a core hardly depend on other work of the machine.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from runs import processor_time, snakemake, spent

CORES = 2


def main() -> None:
    """Print one table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with processor_time() as used:
            _, wall = snakemake(folder, {}, "demo", "--cores", str(CORES))
        jobs = list(spent(folder))
        with processor_time() as used_again:
            _, again = snakemake(folder, {}, "demo", "--cores", str(CORES))
    work, start, processor = (sum(job[column] for job in jobs) for column in (1, 2, 4))
    print(f"| the demonstration, {len(jobs)} jobs | s, {CORES} cores | s of a core |\n|---|---|---|")
    print(f"| run | {wall:.1f} | {used[0]:.1f} |")
    print(f"| work of the jobs | {work / CORES:.1f} | {processor:.1f} |")
    print(f"| starts of the jobs | {start / CORES:.1f} | |")
    print(f"| overhead | {100 * (1 - work / CORES / wall):.1f} % | {100 * (1 - processor / used[0]):.1f} % |")
    print(f"| nothing to do | {again:.1f} | {used_again[0]:.1f} |")


if __name__ == "__main__":
    main()
