"""A data set of waveforms that a small network learns."""

import numpy as np
import torch

from sanguinaria.nn.feature_dataset import FeatureDataset, Features


def tone_dataset(count: int, seed: int) -> FeatureDataset:
    """Intermittent tones of about 3 kHz or about 500 Hz, by label, in noise.

    Steady tones would vanish, as RawNet3 removes the mean over time of each filter's output.
    """
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    frequencies = np.where(labels == 0, 3000, 500) * random.uniform(0.9, 1.1, count)
    phases = random.uniform(0, 2 * np.pi, count)
    tones = np.sin(2 * np.pi * frequencies[:, None] * np.arange(1600) / 16000 + phases[:, None])
    tones *= np.arange(1600) % 400 < 200
    waveforms = torch.tensor(0.1 * tones + 0.02 * random.normal(size=tones.shape))
    return FeatureDataset(Features([waveforms[:, None].half()]), torch.tensor(labels))
