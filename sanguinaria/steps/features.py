"""Features of a front end, computed once for each shard and shared by all models with the same front end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.front_ends import FrontEnd

if TYPE_CHECKING:
    import torch

    from sanguinaria.nn.feature_dataset import Features


def extract_features(audio: Path, front_end: FrontEnd, destination: Path, device: torch.device) -> None:
    """Write the features of a shard in half precision, with its utterance ids.

    Args:
        audio: the shard.
        front_end: from waveforms (utterances, samples) to features (utterances, channels, times).
        destination: safetensors file with the features as ``inputs`` and ``utterance_ids`` in its metadata.
        device: of the front end.

    Raises:
        InputError: the front end returned another shape or type, or values that are not finite in half precision.
    """
    import torch

    from sanguinaria.audio import utterances
    from sanguinaria.core import tensors
    from sanguinaria.core.plugin_promises import check_finite, check_rows

    names: list[str] = []
    parts: list[torch.Tensor] = []
    transform = None
    for batch in utterances.read(audio):
        transform = transform or front_end.transform(batch.sample_rate, device)
        returned = transform(torch.from_numpy(batch.waveforms).to(device))
        shape = (len(batch.rows), front_end.dummy_input_shape[0], None)
        check_rows(front_end, returned, shape, "features (utterances, channels, times)")
        parts.append(returned.half().cpu())
        check_finite(front_end, parts[-1], batch.rows["utterance_id"].tolist())
        names += batch.rows["utterance_id"].tolist()
    features = torch.cat(parts) if parts else torch.empty(0, *front_end.dummy_input_shape, dtype=torch.float16)
    tensors.save({"inputs": features}, {"utterance_ids": names}, destination)


def load_features(files: Sequence[Path]) -> tuple[list[str], Features]:
    """Return the utterance ids and the features of several shards; the features are memory-mapped.

    Args:
        files: of :func:`extract_features`.

    Returns:
        The ids, and inputs (channels, times) in the same order.

    Raises:
        DamagedError: a file was cut or altered since it was written.
    """
    from sanguinaria.core import tensors
    from sanguinaria.nn.feature_dataset import Features

    names: list[str] = []
    parts = []
    for path in files:
        loaded, metadata = tensors.load(path, "features")
        names += metadata["utterance_ids"]
        parts.append(loaded["inputs"])
    return names, Features(parts)
