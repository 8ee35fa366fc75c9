"""Transcription of utterances, once for all stages that use the transcripts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sanguinaria.audio import utterances
from sanguinaria.core import parquet
from sanguinaria.core.plugin_promises import check_texts
from sanguinaria.core.random_streams import sample
from sanguinaria.texts import ExtractTexts, TextExtractor

if TYPE_CHECKING:
    import torch

# Utterances in one pass of the recogniser.
BATCH = 64


def transcribe(
    text: TextExtractor,
    *,
    shards: Sequence[Path],
    splits: Sequence[str],
    maxima: Sequence[int] = (),
    index: Path | None = None,
    destination: Path,
    device: torch.device,
) -> None:
    """Write a row per utterance: ``utterance_id, text``, empty for an utterance without a transcript.

    Args:
        text: source of the transcripts, such as a recogniser.
        shards: of the audio, of all of it or of a part.
        splits: that are transcribed.
        maxima: of each split the largest number of utterances in all of the audio; none where all are transcribed.
        index: of the corpus, which a sample is drawn from; ``None`` likewise.
        destination: file of the rows, in the shards' order.
        device: of a recogniser.

    Raises:
        InputError: the text extractor did not return one text for each utterance.
    """
    import torch

    samples = _samples(splits, maxima, index)
    extract: ExtractTexts | None = None
    names: list[str] = []
    transcripts: list[str] = []
    batches = (batch for path in shards for split in splits for batch in utterances.read(path, samples[split], split))
    for batch in batches:
        extract = extract or text.extractor(batch.sample_rate, device)
        waveforms, labels = torch.from_numpy(batch.waveforms), batch.rows["label"].tolist()
        names += batch.rows["utterance_id"].tolist()
        for start in range(0, len(labels), BATCH):
            texts = extract(waveforms[start : start + BATCH].to(device), labels[start : start + BATCH])
            check_texts(text, texts, len(labels[start : start + BATCH]))
            transcripts += texts
        print(f"{len(transcripts)} utterances transcribed", flush=True)
    parquet.write(pd.DataFrame({"utterance_id": names, "text": transcripts}, dtype="str"), destination)


def _samples(splits: Sequence[str], maxima: Sequence[int], index: Path | None) -> dict[str, list[str] | None]:
    """By split, the utterances that are transcribed; ``None`` for all."""
    if index is None:
        return dict.fromkeys(splits)
    rows = utterances.read_rows(index)
    return {
        split: sample(rows["utterance_id"][rows["split"] == split], maximum)
        for split, maximum in zip(splits, maxima, strict=True)
    }
