"""A purifier's weights on disk: safetensors that name, in their metadata, the plug-in that reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.core import plugins
from sanguinaria.purifiers import USUAL, Cleanser, Purifier, Sampling, Sources

if TYPE_CHECKING:
    import torch


def save_weights(purifier: Purifier, sources: Sources, destination: Path, training: Path | None = None) -> None:
    """Obtain a purifier's weights and keep them; the sources' folder, and what else was made, becomes ``training``."""
    from sanguinaria.core import tensors

    tensors.save(purifier.obtain(sources), {"purifier": plugins.describe(purifier)}, destination)
    if training is not None:
        sources.folder.mkdir(parents=True, exist_ok=True)
        sources.folder.replace(training)


def load_cleanser(path: Path, sample_rate: int, device: torch.device, sampling: Sampling = USUAL) -> Cleanser:
    """The purifier that :func:`save_weights` kept.

    Raises:
        InputError: it does not serve this sample rate, or this sampling.
        DamagedError: the file was cut or altered since it was written.
    """
    from sanguinaria.core import tensors

    weights, description = tensors.load(path, "weights")
    purifier = plugins.build("purifiers", description["purifier"])
    assert isinstance(purifier, Purifier)
    return purifier.load(weights, sample_rate, device, sampling)
