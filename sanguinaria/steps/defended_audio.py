"""Application of an input defence, such as a filter or a purifier, to test audio."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.audio import utterances
from sanguinaria.audio.utterances import Utterances
from sanguinaria.defences import Defence
from sanguinaria.steps.batches import transform_batch
from sanguinaria.texts._transcription import read_texts

if TYPE_CHECKING:
    import torch


def defend_audio(
    defence: Defence,
    *,
    weights: Path | None,
    texts: Sequence[Path],
    shard: Path,
    destination: Path,
    device: torch.device,
) -> None:
    """Write the test utterances of a shard after a defence.

    Args:
        defence: one that acts on the input.
        weights: of its purifier; ``None`` for a defence without one.
        texts: files of transcripts of the utterances; none for a defence without text conditioning.
        shard: of the audio.
        destination: file of the defended audio.
        device: of the defence.

    Raises:
        InputError: the defence returned another shape or type, or values that are not finite.
    """
    batches = utterances.read(shard, split="test")
    utterances.write(destination, _defended(defence, weights, read_texts(texts), batches, device))


def _defended(
    defence: Defence,
    weights: Path | None,
    transcripts: Mapping[str, str],
    batches: Iterator[Utterances],
    device: torch.device,
) -> Iterator[Utterances]:
    defend = None
    for batch in batches:
        defend = defend or defence.transform_with_texts(batch.sample_rate, device, weights)
        texts = [transcripts.get(name, "") for name in batch.rows["utterance_id"]]
        yield transform_batch(batch, partial(_with_texts, defend, texts), defence, device)


def _with_texts(
    defend: Callable[[torch.Tensor, Sequence[str]], torch.Tensor], texts: Sequence[str], waveforms: torch.Tensor
) -> torch.Tensor:
    return defend(waveforms, texts)
