"""What Snakemake's own process takes while jobs run, with its scheduler as it is and as this project leaves it.

Jobs sleep, so nearly all that is counted is the scheduler's. Run it as ``python benchmarks/scheduler.py --jobs 600``.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

SNAKEFILE = """
rule all:
    input: expand("made/{{n}}", n=range({jobs}))
rule one:
    output: "made/{{n}}"
    shell: "sleep {seconds}; touch {{output}}"
"""
WAYS = {
    "plain": [sys.executable, "-m", "snakemake"],
    "project": [sys.executable, "-c", "from sanguinaria.command import main; main()"],
}


def processor_time(command: list[str], jobs: int, seconds: float, cores: int) -> tuple[float, float]:
    """Seconds of its own that Snakemake computes for, and that it runs for."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "Snakefile").write_text(SNAKEFILE.format(jobs=jobs, seconds=seconds))
        began, spent = time.perf_counter(), 0.0
        called = [*command, "--cores", str(cores), "--quiet", "all", "--scheduler", "greedy"]
        process = subprocess.Popen(called, cwd=folder, stderr=subprocess.DEVNULL)
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            times = watched.cpu_times()
            spent = times.user + times.system or spent
            time.sleep(0.1)
        assert process.returncode == 0
        return spent, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=600)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--cores", type=int, default=4)
    options = parser.parse_args()
    found = {name: processor_time(command, **vars(options)) for name, command in WAYS.items()}
    for name, (spent, whole) in found.items():
        print(f"{name}: {spent:.1f} s of a core in a run of {whole:.0f} s ({spent / whole:.1%})")
    print(f"ratio: {found['plain'][0] / found['project'][0]:.2f}")


if __name__ == "__main__":
    main()
