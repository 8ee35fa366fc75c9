"""Weights of a watermark: pretrained or trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.core.run_environment import write_environment
from sanguinaria.watermarks import Sources, Watermark
from sanguinaria.watermarks._weights import save_weights

if TYPE_CHECKING:
    import torch


def obtain_watermark(
    watermark: Watermark,
    *,
    audio: Sequence[Path],
    base: Path | None,
    weights: Path,
    training: Path,
    environment: Path,
    device: torch.device,
) -> None:
    """Write the weights of a watermark's generator and detector, and the run environment.

    Args:
        watermark: whose weights are downloaded, read or trained.
        audio: shards of the training corpus; none for a watermark that is not trained.
        base: weights of the watermark that is fine-tuned; ``None`` for any other.
        weights: safetensors file.
        training: folder of the checkpoints and of the training's other outputs; a training in progress keeps them in
            ``unfinished`` beside the weights.
        environment: JSON file of the run environment.
        device: of the training.
    """
    sources = Sources(audio=tuple(audio), base=base, folder=weights.with_name("unfinished"), device=device)
    save_weights(watermark, sources, weights, training)
    write_environment(environment, device)
