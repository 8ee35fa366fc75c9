"""Weights of watermarks on disk: safetensors whose metadata describe the plug-in that loads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.watermarks import Marker, Sources, Watermark

if TYPE_CHECKING:
    import torch


def save_weights(watermark: Watermark, sources: Sources, destination: Path, training: Path | None = None) -> None:
    """Obtain a watermark's weights and write them.

    Args:
        watermark: the plug-in.
        sources: of its training, if any.
        destination: file of the weights.
        training: final place of the sources' folder, with the history and other outputs of a training.
    """
    from sanguinaria.core import tensors

    weights = watermark.obtain(sources)
    tensors.save(weights, {"watermark": plugins.describe(watermark.weights_reader(sources))}, destination)
    if training is not None:
        sources.folder.mkdir(parents=True, exist_ok=True)
        sources.folder.replace(training)


def load_weights(path: Path) -> tuple[Watermark, dict[str, torch.Tensor]]:
    """Read the file of :func:`save_weights`.

    Returns:
        The plug-in that loads the weights, and the weights.

    Raises:
        DamagedError: the file was truncated or altered after it was written.
    """
    from sanguinaria.core import tensors

    weights, description = tensors.load(path, "weights")
    watermark = plugins.build("watermarks", description["watermark"])
    assert isinstance(watermark, Watermark)
    return watermark, weights


def load_marker(path: Path, sample_rate: int, device: torch.device, key: str | None = None) -> Marker:
    """Load generator and detector from the file of :func:`save_weights`.

    Args:
        path: of the file.
        sample_rate: of the audio, in Hz.
        device: where the networks compute.
        key: for a watermark that has keys.

    Returns:
        The marker, on the device.

    Raises:
        InputError: the key or the sample rate is not valid for this watermark.
        DamagedError: the file was truncated or altered after it was written.
    """
    watermark, weights = load_weights(path)
    if (problem := watermark.key_problem(key)) is not None:
        raise InputError(f"{path}: key: {problem}")
    return watermark.load(weights, sample_rate, device, key)
