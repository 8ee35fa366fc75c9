"""What front ends make of audio: computed once for each shard, and read by every model that wants the same settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.front_ends import FrontEnd

if TYPE_CHECKING:
    import torch

    from sanguinaria.nn.feature_dataset import Features


def extract(audio: Path, front_end: FrontEnd, destination: Path, device: torch.device) -> None:
    """Write what a front end makes of a shard, half precision, with the utterances' names in its order."""
    import torch

    from sanguinaria.audio import utterances
    from sanguinaria.core import tensors

    names: list[str] = []
    parts: list[torch.Tensor] = []
    transform = None
    for batch in utterances.read(audio):
        transform = transform or front_end.transform(batch.sample_rate, device)
        names += batch.rows["utterance_id"].tolist()
        parts.append(transform(torch.from_numpy(batch.waveforms).to(device)).half().cpu())
    tensor = torch.cat(parts) if parts else torch.empty(0, *front_end.typical_shape, dtype=torch.float16)
    tensors.save({"inputs": tensor}, {"utterance_ids": names}, destination)


def load(files: Sequence[Path]) -> tuple[list[str], Features]:
    """Names and inputs of several shards, in their order; the inputs are read when they are asked for.

    Raises:
        DamagedError: a file was cut or altered since it was written.
    """
    from sanguinaria.core import tensors
    from sanguinaria.nn.feature_dataset import Features

    names: list[str] = []
    parts = []
    for path in files:
        _, description = tensors.load(path, "features")
        names += description["utterance_ids"]
        parts.append(tensors.TensorRows(path, "inputs"))
    return names, Features(parts)
