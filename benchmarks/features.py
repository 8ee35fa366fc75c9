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
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import torch

from sanguinaria import compatibility, utterances
from sanguinaria.features import FLOOR, extract, load
from sanguinaria.utterances import ROW_GROUP, Utterances
from sanguinaria.victims import LogMel

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


def store(clips: np.ndarray, folder: Path) -> tuple[list[Path], Path]:
    """The clips as WAV files, and as one shard."""
    files = [folder / f"{number:06d}.wav" for number in range(len(clips))]
    for path, clip in zip(files, clips, strict=True):
        soundfile.write(path, clip, RATE, subtype="PCM_16")
    rows = pd.DataFrame(
        {
            "utterance_id": [path.stem for path in files],
            "label": "label",
            "speaker": "speaker",
            "split": "train",
        }
    )
    shard = folder / "shard.parquet"
    utterances.write(
        shard,
        (
            Utterances(rows[start : start + ROW_GROUP], clips[start : start + ROW_GROUP], RATE)
            for start in range(0, len(clips), ROW_GROUP)
        ),
    )
    return files, shard


def plain(files: list[Path]) -> torch.Tensor:
    """One file after another, as a script would."""
    compatibility.prepare()
    from torchaudio.transforms import MelSpectrogram

    transform = MelSpectrogram(
        RATE,
        SETTINGS.fft,
        win_length=SETTINGS.window,
        hop_length=SETTINGS.hop,
        n_mels=SETTINGS.bands,
        pad_mode="constant",
    )
    spectrograms = []
    for path in files:
        waveform = torch.from_numpy(soundfile.read(path, dtype="float32")[0])
        spectrograms.append(torch.log(transform(waveform) + FLOOR))
    return torch.stack(spectrograms)


def seconds(function: Callable[[], object], repeats: int) -> float:
    """The shortest of several runs: what the machine can do when nothing else disturbs it."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=4000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    source, clips = waveforms(options.clips)
    with tempfile.TemporaryDirectory() as name:
        files, shard = store(clips, Path(name))
        target = Path(name) / "features.safetensors"
        ours = seconds(lambda: extract(shard, SETTINGS, target, torch.device("cpu")), options.repeats)
        theirs = seconds(lambda: plain(files), options.repeats)
        difference = (load([target])[1].float() - plain(files)).abs().max().item()
    print(f"{options.clips} one-second clips of {source}, {options.threads} threads, best of {options.repeats}")
    print(f"{'one file at a time':<24}{options.clips / theirs:>8.0f} clips/s")
    print(f"{'batches from a shard':<24}{options.clips / ours:>8.0f} clips/s")
    print(f"{'ratio':<24}{theirs / ours:>8.2f}")
    print(f"{'largest difference':<24}{difference:>8.4f}  (features are kept in half precision)")


if __name__ == "__main__":
    main()
