"""Speaker embeddings of test utterances."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sanguinaria.audio import utterances
from sanguinaria.core import parquet
from sanguinaria.victims import Victim
from sanguinaria.victims._encoders import load_encoder

if TYPE_CHECKING:
    import torch

# Utterances in one pass of the encoder.
BATCH = 64


def embed_audio(
    victim: Victim, *, model: Path | None, shards: Sequence[Path], destination: Path, device: torch.device
) -> None:
    """Write a row per test utterance: ``utterance_id, embedding`` (not normalised).

    Args:
        victim: a speaker encoder.
        model: file of the trained model; ``None`` for a pretrained encoder.
        shards: of the audio.
        destination: file of the rows, in the shards' order.
        device: of the encoder.
    """
    import torch

    embed = None
    names: list[str] = []
    embeddings: list[np.ndarray] = []
    for shard in shards:
        for batch in utterances.read(shard, split="test"):
            embed = embed or load_encoder(victim, model, batch.sample_rate, device)
            names += batch.rows["utterance_id"].tolist()
            with torch.inference_mode():
                for waveforms in torch.split(torch.from_numpy(batch.waveforms), BATCH):
                    embeddings.extend(embed(waveforms.to(device)).cpu().numpy())
    parquet.write(pd.DataFrame({"utterance_id": pd.Series(names, dtype="str"), "embedding": embeddings}), destination)
