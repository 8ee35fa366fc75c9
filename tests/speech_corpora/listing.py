"""Recordings of noise, and what a corpus lists."""

from pathlib import Path

import numpy as np
import soundfile

from sanguinaria.corpora import Corpus, Recording

RATE = 16000


def noise(seed: int, seconds: float) -> np.ndarray:
    return np.random.default_rng(seed).integers(-20000, 20000, round(seconds * RATE)).astype(np.int16)


def put(path: Path, samples: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    return path


def listed(corpus: Corpus) -> dict[str, Recording]:
    recordings = corpus.recordings()
    names = [recording.utterance_id for recording in recordings]
    assert names == sorted(set(names))
    return {recording.utterance_id: recording for recording in recordings}
