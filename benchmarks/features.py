"""Log-mel features of one-second clips: this project's batched way beside the plain one, file by file, in one run.

``python benchmarks/features.py [--clips 4000] [--jobs 2] [--repeats 3]``. Real speech where ``SANGUINARIA_DOWNLOADS``
names the Speech Commands test archive, noise elsewhere. Both read 16-bit audio from disk (WAV files; FLAC in Parquet
shards), use the same number of processes of one thread, as the workflow does, and end with the same spectrograms, whose
largest difference is printed.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile
import torch

from sanguinaria.audio import utterances
from sanguinaria.audio.mel import htk_filters
from sanguinaria.audio.utterances import ROW_GROUP, Utterances
from sanguinaria.front_ends.log_mel import FLOOR, LogMel
from sanguinaria.steps.features import extract_features, load_features

RATE = 16000
SETTINGS = LogMel()


def waveforms(count: int) -> tuple[str, np.ndarray]:
    """Where the clips come from, and the clips (count, 16000)."""
    folder = Path(os.environ.get("SANGUINARIA_DOWNLOADS", "")) / "speech_commands_test_v0.02"
    clips = [
        clip
        for path in sorted(folder.glob("[a-z]*/*.wav"))[:count]
        for clip in [soundfile.read(path, dtype="float32")[0]]
        if len(clip) == RATE
    ]
    if clips:
        return "real speech", np.stack([clips[number % len(clips)] for number in range(count)])
    return "noise", np.random.default_rng(0).uniform(-0.5, 0.5, (count, RATE)).astype(np.float32)


def store(clips: np.ndarray, folder: Path, name: str) -> tuple[list[Path], Path]:
    """The clips as WAV files, and as one shard."""
    files = [folder / f"{name}-{number:06d}.wav" for number in range(len(clips))]
    for path, clip in zip(files, clips, strict=True):
        soundfile.write(path, clip, RATE, subtype="PCM_16")
    names = [path.stem for path in files]
    rows = pd.DataFrame({"utterance_id": names, "label": "label", "speaker": "speaker", "split": "train"})
    starts = range(0, len(clips), ROW_GROUP)
    shard = folder / f"{name}.parquet"
    utterances.write(shard, (Utterances(rows[a : a + ROW_GROUP], clips[a : a + ROW_GROUP], RATE) for a in starts))
    return files, shard


def plain(files: list[Path]) -> torch.Tensor:
    """One file after another, as a script would."""
    window, filters = torch.hann_window(SETTINGS.window), htk_filters(SETTINGS.fft, SETTINGS.bands, RATE)
    sizes = {"hop_length": SETTINGS.hop, "win_length": SETTINGS.window, "window": window, "pad_mode": "constant"}
    spectrograms = []
    for path in files:
        waveform = torch.from_numpy(soundfile.read(path, dtype="float32")[0])
        power = torch.stft(waveform, SETTINGS.fft, **sizes, return_complex=True).abs() ** 2
        spectrograms.append(torch.log(filters.T @ power + FLOOR))
    return torch.stack(spectrograms)


def batched(shard: Path) -> Path:
    """The project's way; where its result lies."""
    destination = shard.with_suffix(".safetensors")
    extract_features(shard, SETTINGS, destination, torch.device("cpu"))
    return destination


def seconds(function: Callable[[Any], object], parts: list[Any], pool: Pool, repeats: int) -> float:
    """The shortest of several runs over all parts: what the machine can do when nothing else disturbs it."""
    times = []
    for _ in range(repeats + 1):  # the first run starts the processes and their imports
        start = time.perf_counter()
        pool.map(function, parts, chunksize=1)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def difference(files: list[Path], shard: Path) -> float:
    """The largest difference between the two, in natural logarithms."""
    features = load_features([batched(shard)])[1]
    return float((features[torch.arange(len(features))].float() - plain(files)).abs().max())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=4000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    source, clips = waveforms(options.clips)
    with (
        tempfile.TemporaryDirectory() as name,
        get_context("spawn").Pool(options.jobs, torch.set_num_threads, (1,)) as pool,
    ):
        parts = np.array_split(clips, options.jobs)
        stored = [store(part, Path(name), str(number)) for number, part in enumerate(parts)]
        one_by_one = options.clips / seconds(_features_only, [files for files, _ in stored], pool, options.repeats)
        in_batches = options.clips / seconds(batched, [shard for _, shard in stored], pool, options.repeats)
        largest = difference(*stored[0])
    print(f"{options.clips} one-second clips of {source}, {options.jobs} processes, best of {options.repeats}")
    print(f"{'one file at a time':<24}{one_by_one:>8.0f} clips/s")
    print(f"{'batches from a shard':<24}{in_batches:>8.0f} clips/s")
    print(f"{'ratio':<24}{in_batches / one_by_one:>8.2f}")
    print(f"{'largest difference':<24}{largest:>8.4f}  (features are kept in half precision)")


def _features_only(files: list[Path]) -> None:
    """Without sending the result from process to process, which a script would not do."""
    plain(files)


if __name__ == "__main__":
    main()
