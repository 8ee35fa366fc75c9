"""Passing test audio through a defence that acts on the input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria import utterances
from sanguinaria.defences import Defence
from sanguinaria.triggering import transformed
from sanguinaria.utterances import Utterances

if TYPE_CHECKING:
    import torch


def defend_audio(defence: Defence, shard: Path, destination: Path, device: torch.device) -> None:
    """Write every test utterance of a shard, defended."""
    utterances.write(destination, _defended(defence, utterances.read(shard, split="test"), device))


def _defended(defence: Defence, batches: Iterator[Utterances], device: torch.device) -> Iterator[Utterances]:
    transform = None
    for batch in batches:
        transform = transform or defence.transform(batch.sample_rate, device)
        yield transformed(batch, transform, device)
