"""Embedding AudioSeal's mark in 64 clips of one second: one by one as its package does it, and as this project does.

    python benchmarks/audioseal_embedding.py [--threads 2] [--clips 64] [--rounds 5]

Speech from ``$SANGUINARIA_DOWNLOADS``, noise where there is none (the time does not depend on it), and a generator of
the published size with random weights. Every way is timed once a round, in turn, so that other load on the machine
falls on all alike; the table has each way's best round.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import soundfile
import torch
from rich.console import Console
from rich.table import Table

from sanguinaria.watermarks._audioseal import marker as audioseal
from sanguinaria.watermarks._audioseal.forward import SAMPLE_RATE
from sanguinaria.watermarks._audioseal.marker import SAMPLES_PER_PASS
from sanguinaria.watermarks.audioseal import AudioSeal

BASELINE = "the package, one by one, float32"
CHOSEN = SAMPLES_PER_PASS // SAMPLE_RATE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    clips = speech(arguments.clips)
    ways = dict(ways_to_embed(clips, torch.randint(0, 2, (16,))))
    seconds = [{name: timed(way) for name, way in ways.items()} for _ in range(arguments.rounds)]
    report({name: len(clips) / min(times[name] for times in seconds) for name in ways}, arguments.threads)


def speech(count: int) -> torch.Tensor:
    """(clips, samples): the first clips of one second among Speech Commands' test words, or noise."""
    folder = Path(os.environ.get("SANGUINARIA_DOWNLOADS", ""), "speech_commands_test_v0.02")
    clips: list[torch.Tensor] = []
    for path in sorted(folder.glob("[a-z]*/*.wav")):
        clip = torch.from_numpy(soundfile.read(path, dtype="float32")[0])
        clips += [clip] if len(clip) == SAMPLE_RATE else []
        if len(clips) == count:
            return torch.stack(clips)
    return 0.1 * torch.randn(count, SAMPLE_RATE)


def ways_to_embed(clips: torch.Tensor, message: torch.Tensor) -> Iterator[tuple[str, Callable[[], object]]]:
    weights = AudioSeal(source="random").obtain()
    network: Any = AudioSeal(source="random").network("generator", weights)
    yield BASELINE, lambda: one_by_one(network, clips, message)
    for precision, sizes in {"float32": (1, 4, 8, 16), "bfloat16": (1, 4, 8, 16, 32)}.items():
        plugin = AudioSeal.model_validate({"source": "random", "precision": precision})
        marker = plugin.load(weights, SAMPLE_RATE, torch.device("cpu"))
        for size in sizes:
            note = " (as the plug-in)" if size == CHOSEN else ""
            yield (
                f"batches of {size}, {precision}{note}",
                lambda marker=marker, size=size: in_batches(marker, clips, message, size),
            )


@torch.no_grad()
def one_by_one(network: Any, clips: torch.Tensor, message: torch.Tensor) -> None:
    for clip in clips:
        network.get_watermark(clip[None, None], message=message)


def in_batches(marker: audioseal.AudioSealMarker, clips: torch.Tensor, message: torch.Tensor, size: int) -> None:
    audioseal.SAMPLES_PER_PASS = size * SAMPLE_RATE
    marker.watermark(clips, message)


def timed(way: Callable[[], object]) -> float:
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def report(rates: dict[str, float], threads: int) -> None:
    table = Table(title=f"AudioSeal, {threads} threads")
    for heading in ("way", "clips/s", "ratio"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for name, rate in rates.items():
        table.add_row(name, f"{rate:.1f}", f"{rate / rates[BASELINE]:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
