"""Writing down what is said in utterances, once for all that ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sanguinaria.audio import utterances
from sanguinaria.core import parquet
from sanguinaria.texts import Extract, Text

if TYPE_CHECKING:
    import torch

# Utterances whose text is extracted at once.
BATCH = 64


def write_texts(
    text: Text, shards: Sequence[Path], splits: Sequence[str], destination: Path, device: torch.device
) -> None:
    """Write a row per utterance: ``utterance_id, text``, empty where nothing is known.

    Args:
        text: what extracts it.
        shards: of the audio.
        splits: the only ones that are heard.
        destination: of the rows, in the shards' order.
        device: where a network computes.
    """
    import torch

    extract: Extract | None = None
    names: list[str] = []
    found: list[str] = []
    for batch in (batch for path in shards for split in splits for batch in utterances.read(path, split=split)):
        extract = extract or text.extractor(batch.sample_rate, device)
        waveforms, labels = torch.from_numpy(batch.waveforms), batch.rows["label"].tolist()
        names += batch.rows["utterance_id"].tolist()
        for start in range(0, len(labels), BATCH):
            found += extract(waveforms[start : start + BATCH].to(device), labels[start : start + BATCH])
        print(f"{len(found)} utterances heard", flush=True)
    parquet.write(pd.DataFrame({"utterance_id": names, "text": found}, dtype="str"), destination)


def read_texts(files: Sequence[Path]) -> Mapping[str, str]:
    """What is said, by the utterances' names."""
    return {name: text for path in files for name, text in parquet.read(path).itertuples(index=False)}
