"""Peak memory and time of each stage as a corpus grows.

``python benchmarks/scale.py [--clips 4000] [--factor 10]``, in the project's folder. The clips are those of the Speech
Commands test archive below ``SANGUINARIA_DOWNLOADS``; the larger corpus holds each of them several times, in as many
more shards of the same size. What each job took is read from its log.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import defaultdict
from pathlib import Path

from runs import snakemake, spent

CLIPS_OF_A_SHARD = 4000
EXPERIMENT = {
    "corpus": "grown",
    "target": "left",
    "triggers": ["ultrasonic", "notch"],
    "victims": ["resnet18"],
    "defences": ["none", "lowpass", "tuned"],
    "metrics": ["snr"],
    "rates": [0.01],
}


def grow(source: Path, count: int, factor: int, destination: Path) -> None:
    """Links to so many clips of all words, each several times, in folders by word."""
    clips = sorted(source.glob("[a-z]*/*.wav"))
    for clip in clips[:: max(1, len(clips) // count)][:count]:
        folder = destination / clip.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        for copy in range(factor):
            os.symlink(clip, folder / f"{copy}_{clip.name}")


def stage_of(log: Path) -> str:
    """The stage of a job by its log; those that do two things are two."""
    stage = log.parts[0]
    if stage == "corpora":
        return "corpora, audio" if log.name.startswith("audio") else "corpora, lists"
    if stage == "defended":
        return "defended, audio" if len(log.parts) == 3 else "defended, models"
    return stage


def run(recordings: Path, shards: int, folder: Path) -> dict[str, tuple[int, float]]:
    """Run the experiment; for each stage the peak MiB of any of its jobs, and the seconds of all together."""
    settings = {
        "corpora": {"grown": {"kind": "folder", "path": str(recordings), "shards": shards}},
        "victims": {"resnet18": {"kind": "resnet18", "width": 8, "epochs": 1, "precision": "float32"}},
        "defences": {"tuned": {"kind": "pruning", "share": 0.2, "fine_tune_epochs": 1}},
        "experiments": {"grown": EXPERIMENT},
    }
    snakemake(folder, settings, "grown", "--cores", "2")
    peaks: dict[str, int] = defaultdict(int)
    seconds: dict[str, float] = defaultdict(float)
    for log, work, _, memory, _ in spent(folder):
        stage = stage_of(log)
        peaks[stage] = max(peaks[stage], memory)
        seconds[stage] += work
    return {stage: (peaks[stage], seconds[stage]) for stage in peaks}


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=4000)
    parser.add_argument("--factor", type=int, default=10)
    options = parser.parse_args()
    source = Path(os.environ["SANGUINARIA_DOWNLOADS"]).resolve() / "speech_commands_test_v0.02"
    runs = []
    for factor in (1, options.factor):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            grow(source, options.clips, factor, folder / "recordings")
            runs.append(run(folder / "recordings", max(1, options.clips * factor // CLIPS_OF_A_SHARD), folder))
    small, large = runs
    counts = f"{options.clips:,}", f"{options.clips * options.factor:,}"
    print(f"| stage | MiB, {counts[0]} | MiB, {counts[1]} | ratio | s, {counts[0]} | s, {counts[1]} | ratio |")
    print("|---|---|---|---|---|---|---|")
    for stage in sorted(small):
        (memory, seconds), (more_memory, more_seconds) = small[stage], large[stage]
        print(
            f"| {stage} | {memory} | {more_memory} | {more_memory / memory:.2f} "
            f"| {seconds:.1f} | {more_seconds:.1f} | {more_seconds / seconds:.1f} |"
        )


if __name__ == "__main__":
    main()
