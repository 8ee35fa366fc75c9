"""Embedding of a watermark into test utterances, each with its own random message."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.core import parquet
from sanguinaria.core.random_streams import random_order
from sanguinaria.steps.batches import transform_batch
from sanguinaria.watermarks import Marker
from sanguinaria.watermarks._random_messages import random_message
from sanguinaria.watermarks._weights import load_weights

if TYPE_CHECKING:
    import torch


def mark_audio(
    *,
    weights: Path,
    secret: str | None,
    strength: float,
    seed: int,
    mark: int,
    shard: Path,
    index: Path,
    limit: int | None,
    destination: Path,
    device: torch.device,
) -> None:
    """Write a sample of a shard's test utterances with a watermark, x + α·w.

    Args:
        weights: of the generator.
        secret: its key; ``None`` for a generator without keys.
        strength: the gain α.
        seed: of the messages (:func:`sanguinaria.watermarks._random_messages.random_message`).
        mark: 1 for the first mark, 2 for a second mark on top of it.
        shard: of a corpus, or of marked audio.
        index: of the corpus.
        limit: of the sample, over all shards (:func:`sample_utterances`).
        destination: file of the marked audio.
        device: of the generator.

    Raises:
        InputError: the generator returned another shape or type, or values that are not finite.
    """
    watermark, state = load_weights(weights)
    names = sample_utterances(index, "test", limit)

    def marked() -> Iterator[Utterances]:
        marker: Marker | None = None
        for batch in utterances.read(shard, ids=names):
            marker = marker or watermark.load(state, batch.sample_rate, device, secret)
            messages = [random_message(name, seed, mark, watermark.message_bits) for name in batch.rows["utterance_id"]]
            mark_batch = partial(marker.mark, message=messages, strength=strength)
            yield transform_batch(batch, mark_batch, watermark, device)

    utterances.write(destination, marked())


def sample_utterances(index: Path, split: str, limit: int | None) -> list[str]:
    """Return the ids of a random sample of a split, in random order.

    Samples are nested: a smaller one is a prefix of a larger one.

    Args:
        index: of the corpus.
        split: of the utterances.
        limit: largest size of the sample; ``None`` for all utterances.
    """
    rows = parquet.read(index, ["utterance_id", "split"])
    return random_order(rows["utterance_id"][rows["split"] == split], seed=0)[:limit]
