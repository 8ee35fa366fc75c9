"""Start of a job: by itself, and as a fork of the warm process; and torch made deterministic in two ways.

``python benchmarks/startup.py [--rounds 5]``, in the project's folder: new processes by turns; processor time. The
start of a fork includes the process that asks for it and the warm process's part; the start of the warm process is
stated apart. Starts are means of the rounds; of the ways to make torch deterministic, the least is printed.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from sanguinaria.workflow import warm_process

WAYS = {
    "with the compiler": "import torch; torch.use_deterministic_algorithms(True, warn_only=True)",
    "without": "import torch; torch.set_deterministic_debug_mode('warn')",
    "this project's jobs": "from sanguinaria.core import devices; devices.prepare()",
}
# The imports of Snakemake's preamble, of workflow_scripts/scores.py and of its step, and the end of a job.
JOB = """
import os, pickle
from types import SimpleNamespace
from snakemake.logging import logger
from snakemake.iocontainers import Snakemake
snakemake = SimpleNamespace(threads=1)
from sanguinaria.workflow.warm_process import delegate
delegate(snakemake)
import gc
from sanguinaria.core import devices
from sanguinaria.steps.scores import score_model
from sanguinaria.workflow.job import job
import pandas, psutil, safetensors.torch, soundfile
devices.prepare()
print(os.getppid())
gc.freeze()
"""


def run(*command: str, **variables: str) -> tuple[float, str]:
    """Processor time of a process, and the last word of its output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.run(
        [sys.executable, *command], check=True, capture_output=True, text=True, env={**os.environ, **variables}
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, process.stdout[-20:].split(" ")[-1]


def starts(rounds: int) -> tuple[float, float, float]:
    """Seconds of a core: a job that starts by itself, one that is forked, and the start of the warm process."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.py"
        script.write_text(JOB)
        warm_process.name_run()
        _, parent = run(str(script))
        warm = psutil.Process(int(parent.split()[-1]))
        if warm.pid == os.getpid():
            raise SystemExit("no warm process can be used here")
        start = warm.cpu_times()
        own, forked = (sum(run(str(script), SANGUINARIA_WARM=value)[0] for _ in range(rounds)) for value in "01")
        served = sum(warm.cpu_times()[:4]) - sum(start[:4])
    return own / rounds, (forked + served) / rounds, sum(start[:2])


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    # As Snakemake does for jobs of one thread.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    os.environ |= {"PYTHONPATH": os.getcwd(), warm_process.SWITCH_VARIABLE: "1"}
    own, forked, warm = starts(rounds)
    print("| start of a job | s of a core | ratio |\n|---|---|---|")
    print(f"| by itself | {own:.2f} | **1.00** |\n| as a fork | {forked:.2f} | **{own / forked:.2f}** |")
    print(f"| the warm process, once a run | {warm:.2f} | |\n")
    times = [[run("-c", code)[0] for code in WAYS.values()] for _ in range(rounds)]
    least = [min(column) for column in zip(*times, strict=True)]
    print("| torch, deterministic | s of a core | ratio |\n|---|---|---|")
    for name, time in zip(WAYS, least, strict=True):
        print(f"| {name} | {time:.2f} | **{least[0] / time:.2f}** |")


if __name__ == "__main__":
    main()
