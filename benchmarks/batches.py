"""Batches of a training: rows read one by one, beside one gather from memory-mapped files and one from memory.

``python benchmarks/batches.py [--utterances 8000] [--shards 4] [--batch 32] [--epochs 3]``. Processor time of an epoch
in random order, for features (80 bands, 101 frames), and of a batch of crops of half a second; all ways give the same
bytes, which is checked. The files are in the page cache, as after a first epoch.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from sanguinaria.core import tensors
from sanguinaria.nn.feature_dataset import Features
from sanguinaria.nn.speech_crops import random_crops
from sanguinaria.steps.features import load_features

SHAPE = (80, 101)
SAMPLES, CROP = 16_000, 8_000
Gather = Callable[[torch.Tensor], torch.Tensor]


def store(utterances: int, shards: int, folder: Path) -> list[Path]:
    """Feature files of random values."""
    random = torch.Generator().manual_seed(0)
    paths = [folder / f"{number}.safetensors" for number in range(shards)]
    for path, part in zip(paths, torch.arange(utterances).chunk(shards), strict=True):
        features = torch.randn(len(part), *SHAPE, generator=random).half()
        tensors.save({"inputs": features}, {"utterance_ids": [str(number) for number in part.tolist()]}, path)
    return paths


def row_by_row(paths: list[Path]) -> Gather:
    """Each row from its file, which is opened for it."""
    headers = []
    for path in paths:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))["inputs"]
        headers.append((8 + length + header["data_offsets"][0], header["shape"][0]))
    rows = [(part, row) for part, (_, count) in enumerate(headers) for row in range(count)]
    size = int(np.prod(SHAPE))

    def read(position: int) -> torch.Tensor:
        part, row = rows[position]
        values = np.fromfile(paths[part], np.float16, size, offset=headers[part][0] + 2 * row * size)
        return torch.from_numpy(values).reshape(SHAPE)

    return lambda positions: torch.stack([read(position) for position in positions.tolist()])


def sliced(waveforms: torch.Tensor, count: int, generator: torch.Generator) -> torch.Tensor:
    """Crops as :func:`random_crops` draws them, cut one by one."""
    rows = torch.randint(len(waveforms), (count * 3 // 2,), generator=generator)
    starts = torch.randint(SAMPLES - CROP + 1, rows.shape, generator=generator)
    crops = torch.stack([waveforms[row, start : start + CROP] for row, start in zip(rows, starts, strict=True)])
    loudest = crops.square().mean(-1).argsort(descending=True, stable=True)[:count]
    return crops[loudest.sort().values]


def milliseconds(gather: Callable[[], object], repeats: int) -> float:
    """Processor milliseconds of a call, the least of several."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        gather()
        times.append(time.process_time() - start)
    return 1000 * min(times)


def epoch(gather: Gather, batches: tuple[torch.Tensor, ...]) -> Callable[[], None]:
    """A function that gathers every batch."""

    def run() -> None:
        for positions in batches:
            gather(positions)

    return run


def print_row(name: str, value: float, reference: float) -> None:
    """A line: processor milliseconds, and how many times less than the reference."""
    print(f"{name:<34}{value:>10.1f} ms{reference / value:>8.2f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("utterances", 8000), ("shards", 4), ("batch", 32), ("epochs", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    torch.set_num_threads(1)
    batches = torch.randperm(options.utterances, generator=torch.Generator().manual_seed(1)).split(options.batch)
    with tempfile.TemporaryDirectory() as name:
        paths = store(options.utterances, options.shards, Path(name))
        mapped: Features = load_features(paths)[1]
        held = mapped.in_memory(limit=2**40)
        ways: dict[str, Gather] = {
            "features, row by row": row_by_row(paths),
            "features, memory-mapped": mapped.__getitem__,
            "features, in memory": held.__getitem__,
        }
        reference = ways["features, row by row"](batches[0])
        assert all(torch.equal(gather(batches[0]), reference) for gather in ways.values())
        times = {way: milliseconds(epoch(gather, batches), options.epochs) for way, gather in ways.items()}
    print(f"an epoch of {options.utterances} utterances in {options.shards} shards, batches of {options.batch}")
    for way, value in times.items():
        print_row(way, value, times["features, row by row"])
    waveforms = torch.randn(2000, SAMPLES, generator=torch.Generator().manual_seed(0))
    one_by_one, at_once = (
        milliseconds(lambda cut=cut: cut(torch.Generator().manual_seed(2)), 20)  # type: ignore[misc]
        for cut in (
            lambda random: sliced(waveforms, options.batch, random),
            lambda random: random_crops(waveforms, options.batch, CROP, random),
        )
    )
    print_row("crops of a batch, one by one", one_by_one, one_by_one)
    print_row("crops of a batch, at once", at_once, one_by_one)


if __name__ == "__main__":
    main()
