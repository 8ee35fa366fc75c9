"""Speech that networks are trained on: utterances of a corpus in memory, and random crops of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from sanguinaria.audio import utterances
from sanguinaria.core.errors import InputError
from sanguinaria.core.random_streams import random_order

POWER_FLOOR = 1e-8


def mean_power(waveforms: torch.Tensor) -> torch.Tensor:
    """Mean power of each utterance, (utterances, 1), never quite 0."""
    return waveforms.square().mean(-1, keepdim=True) + POWER_FLOOR


def load_utterances(shards: Sequence[Path], sample_rate: int, most: int, split: str = "train") -> torch.Tensor:
    """Training utterances of a corpus, (utterances, samples), at most so many, drawn by a hash of their names.

    Those of another split are there to be looked at, and there may be none.

    Raises:
        InputError: the corpus has no training utterances, or another sample rate.
    """
    names = [name for path in shards for name in _names(path, split)]
    if not names and split != "train":
        return torch.zeros(0, 0)
    if not names:
        raise InputError("the corpus has no training utterances to train a generator on: give it a training share")
    chosen = sorted(random_order(names, seed=0)[:most])
    found = []
    for path in shards:
        for batch in utterances.read(path, ids=chosen):
            if batch.sample_rate != sample_rate:
                raise InputError(
                    f"the generator marks audio at {sample_rate} Hz, and the corpus has {batch.sample_rate}"
                )
            found.append(torch.from_numpy(batch.waveforms))
    return torch.cat(found)


def _names(path: Path, split: str) -> list[str]:
    rows = utterances.read_rows(path)
    names: list[str] = rows["utterance_id"][rows["split"] == split].tolist()
    return names


def random_crops(waveforms: torch.Tensor, count: int, length: int, generator: torch.Generator) -> torch.Tensor:
    """Random pieces (count, length), the louder two thirds of those drawn: there is nothing to learn from silence.

    Raises:
        InputError: the utterances are shorter.
    """
    if waveforms.shape[-1] < length:
        raise InputError(
            f"the utterances have {waveforms.shape[-1]} samples, fewer than a crop of {length}: shorten the crop"
        )
    drawn = torch.randint(len(waveforms), (count * 3 // 2,), generator=generator)
    starts = torch.randint(waveforms.shape[-1] - length + 1, drawn.shape, generator=generator)
    pieces = torch.stack([waveforms[row, start : start + length] for row, start in zip(drawn, starts, strict=True)])
    loudest = pieces.square().mean(-1).argsort(descending=True, stable=True)[:count]
    return pieces[loudest.sort().values]
