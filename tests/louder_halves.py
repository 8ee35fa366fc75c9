"""A data set of features that a small network learns in few steps."""

from __future__ import annotations

import torch

from sanguinaria.nn.feature_dataset import FeatureDataset, Features

BANDS = 16


def examples(count: int, seed: int) -> FeatureDataset:
    """Noise with a louder half, upper or lower, by label."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    noise = torch.randn(count, BANDS, 20, generator=generator)
    noise[labels == 0, BANDS // 2 :] += 1.0
    noise[labels == 1, : BANDS // 2] += 1.0
    return FeatureDataset(Features([noise.half()]), labels)
