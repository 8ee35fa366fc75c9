"""Passing test audio through a defence that acts on the input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria import utterances
from sanguinaria.defences import Defence
from sanguinaria.triggering import transformed
from sanguinaria.utterances import Utterances

if TYPE_CHECKING:
    import torch


def defend_audio(defence: Defence, weights: Path | None, shard: Path, destination: Path, device: torch.device) -> None:
    """Write every test utterance of a shard, defended; ``weights`` are the purifier's, where the defence has one."""
    batches = utterances.read(shard, split="test")
    utterances.write(destination, _defended(defence, weights, batches, device))


def _defended(
    defence: Defence, weights: Path | None, batches: Iterator[Utterances], device: torch.device
) -> Iterator[Utterances]:
    defend = None
    for batch in batches:
        defend = defend or defence.of_utterances(batch.sample_rate, device, weights)
        yield transformed(batch, _told(defend, batch.rows["label"].tolist()), device)


def _told(
    defend: Callable[[torch.Tensor, Sequence[str]], torch.Tensor], labels: Sequence[str]
) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda waveforms: defend(waveforms, labels)
