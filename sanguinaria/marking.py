"""A watermark's weights on disk: safetensors that name, in their metadata, the plug-in that reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria import plugins
from sanguinaria.artefacts import atomic
from sanguinaria.watermarks import Marker, Watermark, WeightsError

if TYPE_CHECKING:
    import torch


def save_weights(watermark: Watermark, destination: Path) -> None:
    """Obtain a watermark's weights and keep them."""
    from safetensors.torch import save_file

    weights = watermark.obtain()
    with atomic(destination) as temporary:
        save_file(weights, temporary, {"watermark": json.dumps(plugins.describe(watermark), sort_keys=True)})


def load_marker(path: Path, sample_rate: int, device: torch.device) -> Marker:
    """The generator and detector that :func:`save_weights` kept.

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
    return watermark.load(weights, sample_rate, device)
