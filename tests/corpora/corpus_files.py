"""Files of noise of a given duration."""

from pathlib import Path

import numpy as np
import recordings
import soundfile
from recordings import RATE


def noise(seed: int, seconds: float) -> np.ndarray:
    return recordings.noise(seed, round(seconds * RATE))


def put(path: Path, samples: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    return path
