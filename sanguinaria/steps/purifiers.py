"""Weights of a purifier: trained on a corpus, and on attacked audio where its method needs it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.core.run_environment import write_environment
from sanguinaria.purifiers import Purifier, TrainingInputs
from sanguinaria.purifiers._weights import save_weights

if TYPE_CHECKING:
    import torch


def train_purifier(
    purifier: Purifier,
    *,
    audio: Sequence[Path],
    attacked: Sequence[Path],
    trials: Path | None,
    texts: Sequence[Path],
    weights: Path,
    training: Path,
    environment: Path,
    device: torch.device,
) -> None:
    """Write the weights of a purifier, and the run environment.

    Args:
        purifier: that is trained.
        audio: shards of the corpus.
        attacked: shards of attacked audio of the corpus; none for a purifier that is not trained on attacks.
        trials: of the attacked audio; ``None`` likewise.
        texts: files of transcripts; none for a purifier without text conditioning.
        weights: safetensors file.
        training: folder of the checkpoints and of the training's other outputs; a training in progress keeps them in
            ``unfinished`` beside the weights.
        environment: JSON file of the run environment.
        device: of the training.
    """
    inputs = TrainingInputs(
        audio=tuple(audio),
        folder=weights.with_name("unfinished"),
        device=device,
        attacked=tuple(attacked),
        trials=trials,
        texts=tuple(texts),
    )
    save_weights(purifier, inputs, weights, training)
    write_environment(environment, device)
