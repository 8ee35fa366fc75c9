"""Cost of marking one second at the papers' sizes: PKDMark's teacher and student, and WAKE, with random weights.

    python benchmarks/paper_sizes.py [--threads 1] [--rounds 5]

Operations and time do not depend on what weights are. Each network marks and is read in every round, in turn, so that
other load on the machine falls on all alike; the table has the median of the rounds, in seconds of the processor for
each second of audio.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping

import torch
from rich.console import Console
from rich.table import Table

from sanguinaria.core import plugins
from sanguinaria.steps.benchmarks.efficiency import flops, time_of_pass
from sanguinaria.watermarks import Marker
from sanguinaria.watermarks._invertible.settings import CALIBRATION
from sanguinaria.watermarks._pkdmark.settings import prefixed_state
from sanguinaria.watermarks.pkdmark import DECODER, STUDENT, Pkdmark
from sanguinaria.watermarks.pkdmark_teacher import NETWORK, PkdmarkTeacher
from sanguinaria.watermarks.wake import Wake

CPU = torch.device("cpu")
BASELINE = "PKDMark, teacher"
Ways = Mapping[str, tuple[int, dict[str, Callable[[torch.Tensor], object]]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    networks = ways()
    seconds: dict[tuple[str, str], list[float]] = {}
    for _ in range(arguments.rounds):
        for name, (rate, passes) in networks.items():
            for what, once in passes.items():
                seconds.setdefault((name, what), []).append(time_of_pass(once, noise(rate)[None]))
    report(networks, {key: statistics.median(times) for key, times in seconds.items()}, arguments.threads)


def ways() -> Ways:
    """By name the sample rate, and what marks and reads a second, (1, samples)."""
    teacher, student, wake = teacher_marker(), student_marker(), wake_marker()
    rate = PkdmarkTeacher(corpus="").sample_rate
    return {
        BASELINE: (rate, passes(teacher, 8)),
        "PKDMark, student": (rate, passes(student, 8)),
        "WAKE": (16_000, passes(wake, 32)),
    }


def passes(marker: Marker, bits: int) -> dict[str, Callable[[torch.Tensor], object]]:
    message = torch.randint(2, (bits,))
    return {"embedding": lambda audio: marker.watermark(audio, message), "detection": marker.detect}


def teacher_marker() -> Marker:
    plugin = PkdmarkTeacher(corpus="")
    return plugin.load(prefixed_state(NETWORK, plugin.network()), plugin.sample_rate, CPU)


def student_marker() -> Marker:
    base = PkdmarkTeacher(corpus="")
    plugin = Pkdmark(corpus="", base=plugins.as_settings(base))
    decoder = base.network()
    weights = prefixed_state(STUDENT, plugin._student(decoder)) | prefixed_state(DECODER, decoder)
    return plugin.load(weights, base.sample_rate, CPU)


def wake_marker() -> Marker:
    plugin = Wake(corpus="")
    weights = {**plugin.network().state_dict(), CALIBRATION: torch.tensor([0.5, 0.1])}
    return plugin.load(weights, 16_000, CPU, "10110100")


def noise(samples: int) -> torch.Tensor:
    return 0.1 * torch.randn(1, samples, generator=torch.Generator().manual_seed(0))


def report(networks: Ways, seconds: Mapping[tuple[str, str], float], threads: int) -> None:
    table = Table(title=f"One second of audio, {threads} threads")
    for heading in ("network", "pass", "GFLOPs", "ratio", "real-time factor", "ratio"):
        table.add_column(heading, justify="left" if heading in ("network", "pass") else "right")
    counted = {
        (name, what): flops(once, noise(rate)) / 1e9
        for name, (rate, passes) in networks.items()
        for what, once in passes.items()
    }
    for name, what in seconds:
        count, time, base = counted[name, what], seconds[name, what], (BASELINE, what)
        table.add_row(
            name, what, f"{count:.2f}", f"{count / counted[base]:.3f}", f"{time:.3f}", f"{time / seconds[base]:.3f}"
        )
    Console().print(table)


if __name__ == "__main__":
    main()
