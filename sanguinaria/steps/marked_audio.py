"""Marking a corpus's utterances, each with a message of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.audio.validation import require_finite
from sanguinaria.core import parquet
from sanguinaria.core.random_streams import random_order
from sanguinaria.watermarks import Marker
from sanguinaria.watermarks._random_messages import message_of
from sanguinaria.watermarks._weights import load_weights

if TYPE_CHECKING:
    import torch


def mark_audio(
    weights: Path,
    secret: str | None,
    strength: float,
    seed: int,
    mark: int,
    shard: Path,
    names: list[str],
    destination: Path,
    device: torch.device,
) -> None:
    """Write some utterances of a shard with a watermark, x + α·w.

    Args:
        weights: the generator's.
        secret: its key, where it has keys.
        strength: the gain α.
        seed: of the messages (:func:`sanguinaria.watermarks._random_messages.message_of`).
        mark: 1 for the first mark, 2 for one on top of it.
        shard: a corpus's, or one of marked audio.
        names: the utterances that are marked; they may lie in other shards.
        destination: where marked audio goes.
        device: where the generator computes.

    Raises:
        FloatingPointError: the generator made something that is no number.
    """
    watermark, state = load_weights(weights)

    def marked() -> Iterator[Utterances]:
        marker: Marker | None = None
        for batch in utterances.read(shard, ids=names):
            marker = marker or watermark.load(state, batch.sample_rate, device, secret)
            messages = [message_of(name, seed, mark, watermark.message_bits) for name in batch.rows["utterance_id"]]
            yield _marked(batch, marker, messages, strength, device)

    utterances.write(destination, marked())


def chosen(index: Path, split: str, limit: int | None) -> list[str]:
    """Utterances of a split of a corpus, at most so many: the first of a random order, so that fewer are among more."""
    rows = parquet.read(index, ["utterance_id", "split"])
    return random_order(rows["utterance_id"][rows["split"] == split], seed=0)[:limit]


def _marked(
    batch: Utterances, marker: Marker, messages: list[str], strength: float, device: torch.device
) -> Utterances:
    import torch

    waveforms = torch.from_numpy(batch.waveforms).to(device)
    with torch.inference_mode():
        marked = marker.mark(waveforms, messages, strength)
    require_finite(marked, batch.rows["utterance_id"].tolist())
    return Utterances(batch.rows, marked.float().cpu().numpy(), batch.sample_rate)
