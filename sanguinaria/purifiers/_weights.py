"""A purifier's weights on disk: safetensors whose metadata name the plug-in that loads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.core import plugins
from sanguinaria.purifiers import DEFAULT_SAMPLING, LoadedPurifier, Purifier, SamplingSettings, TrainingInputs

if TYPE_CHECKING:
    import torch


def save_weights(purifier: Purifier, inputs: TrainingInputs, destination: Path, training: Path | None = None) -> None:
    """Train a purifier and write its weights.

    Args:
        purifier: to train.
        inputs: of the training.
        destination: of the weights.
        training: destination of the inputs' folder, with the history of the training.
    """
    from sanguinaria.core import tensors

    tensors.save(purifier.train(inputs), {"purifier": plugins.describe(purifier)}, destination)
    if training is not None:
        inputs.folder.mkdir(parents=True, exist_ok=True)
        inputs.folder.replace(training)


def load_purifier(
    path: Path, sample_rate: int, device: torch.device, sampling: SamplingSettings = DEFAULT_SAMPLING
) -> LoadedPurifier:
    """Load the purifier that :func:`save_weights` wrote.

    Args:
        path: of the file.
        sample_rate: of the audio, in Hz.
        device: where the network computes.
        sampling: the sampling schedule of a diffusion.

    Returns:
        The purifier, on the device.

    Raises:
        InputError: it does not fit this sample rate, or these sampling settings.
        DamagedError: the file was cut or altered since it was written.
    """
    from sanguinaria.core import tensors

    weights, description = tensors.load(path, "weights")
    purifier = plugins.build("purifiers", description["purifier"])
    assert isinstance(purifier, Purifier)
    return purifier.load(weights, sample_rate, device, sampling)
