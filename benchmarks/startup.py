"""A job's start: torch made deterministic with its compiler, as its own function does it, and without.

``python benchmarks/startup.py [--rounds 5]``: new processes by turns; processor time, the least of the rounds.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys

WAYS = {
    "with the compiler": "import torch; torch.use_deterministic_algorithms(True, warn_only=True)",
    "without": "import torch; torch.set_deterministic_debug_mode('warn')",
    "this project's jobs": "from sanguinaria.core import devices; devices.prepare()",
}


def seconds(code: str) -> float:
    """Processor time of a process that runs this."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = [[seconds(code) for code in WAYS.values()] for _ in range(parser.parse_args().rounds)]
    least = [min(times) for times in zip(*rounds, strict=True)]
    print("| torch, deterministic | s of a core | ratio |\n|---|---|---|")
    for name, time in zip(WAYS, least, strict=True):
        print(f"| {name} | {time:.2f} | **{least[0] / time:.2f}** |")


if __name__ == "__main__":
    main()
