"""A watermark's weights on disk: safetensors that name, in their metadata, the plug-in that reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.watermarks import Marker, Sources, Watermark

if TYPE_CHECKING:
    import torch


def save_weights(watermark: Watermark, sources: Sources, destination: Path, training: Path | None = None) -> None:
    """Obtain a watermark's weights and keep them; the sources' folder, and what else was made, becomes ``training``."""
    from sanguinaria.core import tensors

    weights = watermark.obtain(sources)
    tensors.save(weights, {"watermark": plugins.describe(watermark.weights_reader(sources))}, destination)
    if training is not None:
        sources.folder.mkdir(parents=True, exist_ok=True)
        sources.folder.replace(training)


def load_weights(path: Path) -> tuple[Watermark, dict[str, torch.Tensor]]:
    """What :func:`save_weights` kept: the weights, and the plug-in that reads them.

    Raises:
        DamagedError: the file was cut or altered since it was written.
    """
    from sanguinaria.core import tensors

    weights, description = tensors.load(path, "weights")
    watermark = plugins.build("watermarks", description["watermark"])
    assert isinstance(watermark, Watermark)
    return watermark, weights


def load_marker(path: Path, sample_rate: int, device: torch.device, key: str | None = None) -> Marker:
    """The generator and detector that :func:`save_weights` kept, with a key where they take one.

    Raises:
        InputError: they do not take this key.
        DamagedError: the file was cut or altered since it was written.
    """
    watermark, weights = load_weights(path)
    if (problem := watermark.key_problem(key)) is not None:
        raise InputError(f"{path}: key: {problem}")
    return watermark.load(weights, sample_rate, device, key)
