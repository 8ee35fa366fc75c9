"""Small corpora and watermark generators for tests of trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from sanguinaria.audio import utterances
from sanguinaria.watermarks.audioseal import AudioSeal

RATE = 16_000
SMALL = {"filters": 4, "dimension": 16, "lstm": 0, "bits": 4, "precision": "float32"}


def harmonic_tones(count: int, samples: int, seed: int = 0) -> torch.Tensor:
    """Harmonic tones of varying pitch with weak noise, (count, samples)."""
    random = np.random.default_rng(seed)
    pitch = random.uniform(90, 220, (count, 1)) * (1 + 0.1 * np.sin(2 * np.pi * 3 * np.arange(samples) / RATE))
    phase = 2 * np.pi * np.cumsum(pitch, axis=1) / RATE
    tones = sum(np.sin(k * phase) * random.uniform(0.2, 1, (count, 1)) / k for k in range(1, 20))
    return torch.from_numpy(0.1 * tones + 0.002 * random.standard_normal((count, samples))).float()


def write_corpus(path: Path, waveforms: np.ndarray, splits: list[str], sample_rate: int = RATE) -> Path:
    """Write a shard with one utterance for each row of waveforms, in the given splits."""
    rows = pd.DataFrame({"utterance_id": [f"u{row:03d}" for row in range(len(waveforms))], "split": splits})
    rows["label"], rows["speaker"] = "yes", "someone"
    utterances.write(path, iter([utterances.Utterances(rows, waveforms, sample_rate)]))
    return path


def random_audioseal(**settings: Any) -> AudioSeal:
    """A small AudioSeal with random weights from a seed."""
    return AudioSeal(source="random", **SMALL | settings)


def equal_weights(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    """Whether names and values are equal, to the last bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
