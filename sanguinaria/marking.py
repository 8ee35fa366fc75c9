"""A watermark's weights on disk: safetensors that name, in their metadata, the plug-in that reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria import plugins
from sanguinaria.artefacts import atomic
from sanguinaria.watermarks import Marker, Sources, Watermark, WeightsError

if TYPE_CHECKING:
    import torch


def save_weights(watermark: Watermark, sources: Sources, destination: Path, training: Path | None = None) -> None:
    """Obtain a watermark's weights and keep them; the sources' folder, and what else was made, becomes ``training``."""
    from safetensors.torch import save_file

    weights = watermark.obtain(sources)
    settings = plugins.describe(watermark.reader(sources))
    with atomic(destination) as temporary:
        save_file(weights, temporary, {"watermark": json.dumps(settings, sort_keys=True)})
    if training is not None:
        sources.folder.mkdir(parents=True, exist_ok=True)
        sources.folder.replace(training)


def load_weights(path: Path) -> tuple[Watermark, dict[str, torch.Tensor]]:
    """What :func:`save_weights` kept: the weights, and the plug-in that reads them.

    Raises:
        WeightsError: the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            settings = json.loads(file.metadata()["watermark"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dictionary)
    except SafetensorError as error:
        raise WeightsError(f"{path}: damaged weights ({error}); delete the file and run again") from error
    watermark = plugins.build("watermarks", settings)
    assert isinstance(watermark, Watermark)
    return watermark, weights


def load_marker(path: Path, sample_rate: int, device: torch.device) -> Marker:
    """The generator and detector that :func:`save_weights` kept.

    Raises:
        WeightsError: the file is damaged.
    """
    watermark, weights = load_weights(path)
    return watermark.load(weights, sample_rate, device)
