"""Passing test audio through a defence that acts on the input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.defences import Defence
from sanguinaria.steps.triggered_audio import transformed
from sanguinaria.texts._transcription import read_texts

if TYPE_CHECKING:
    import torch


def defend_audio(
    defence: Defence,
    weights: Path | None,
    texts: Sequence[Path],
    shard: Path,
    destination: Path,
    device: torch.device,
) -> None:
    """Write every test utterance of a shard, defended.

    Args:
        defence: one that acts on the input.
        weights: of its purifier, where it has one.
        texts: rows of what is said in the utterances, where it is told.
        shard: of the audio.
        destination: of the defended audio.
        device: where the defence computes.
    """
    batches = utterances.read(shard, split="test")
    utterances.write(destination, _defended(defence, weights, read_texts(texts), batches, device))


def _defended(
    defence: Defence,
    weights: Path | None,
    texts: Mapping[str, str],
    batches: Iterator[Utterances],
    device: torch.device,
) -> Iterator[Utterances]:
    defend = None
    for batch in batches:
        defend = defend or defence.of_utterances(batch.sample_rate, device, weights)
        told = [texts.get(name, "") for name in batch.rows["utterance_id"]]
        yield transformed(batch, partial(_of_texts, defend, told), device)


def _of_texts(
    defend: Callable[[torch.Tensor, Sequence[str]], torch.Tensor], texts: Sequence[str], waveforms: torch.Tensor
) -> torch.Tensor:
    return defend(waveforms, texts)
