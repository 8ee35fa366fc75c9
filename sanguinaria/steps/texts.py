"""Transcription of utterances, once for all stages that use the transcripts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sanguinaria.audio import utterances
from sanguinaria.core import parquet
from sanguinaria.texts import ExtractTexts, TextExtractor

if TYPE_CHECKING:
    import torch

# Utterances in one pass of the recogniser.
BATCH = 64


def transcribe(
    text: TextExtractor, *, shards: Sequence[Path], splits: Sequence[str], destination: Path, device: torch.device
) -> None:
    """Write a row per utterance: ``utterance_id, text``, empty for an utterance without a transcript.

    Args:
        text: source of the transcripts, such as a recogniser.
        shards: of the audio.
        splits: that are transcribed.
        destination: file of the rows, in the shards' order.
        device: of a recogniser.
    """
    import torch

    extract: ExtractTexts | None = None
    names: list[str] = []
    transcripts: list[str] = []
    for batch in (batch for path in shards for split in splits for batch in utterances.read(path, split=split)):
        extract = extract or text.extractor(batch.sample_rate, device)
        waveforms, labels = torch.from_numpy(batch.waveforms), batch.rows["label"].tolist()
        names += batch.rows["utterance_id"].tolist()
        for start in range(0, len(labels), BATCH):
            transcripts += extract(waveforms[start : start + BATCH].to(device), labels[start : start + BATCH])
        print(f"{len(transcripts)} utterances transcribed", flush=True)
    parquet.write(pd.DataFrame({"utterance_id": names, "text": transcripts}, dtype="str"), destination)
