"""Training speech for generators: the utterances of a corpus in memory, and random crops of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from sanguinaria.audio import utterances
from sanguinaria.core.errors import InputError
from sanguinaria.core.random_streams import random_order

# Added to powers, so that they may divide.
POWER_FLOOR = 1e-8


def mean_power(waveforms: torch.Tensor) -> torch.Tensor:
    """Compute the mean power of waveforms (utterances, samples), never quite 0: (utterances, 1).

    Example:
        >>> round(mean_power(torch.tensor([[1.0, -1.0, 0.0, 0.0]])).item(), 4)
        0.5
    """
    return waveforms.square().mean(-1, keepdim=True) + POWER_FLOOR


def load_utterances(shards: Sequence[Path], sample_rate: int, maximum: int, split: str = "train") -> torch.Tensor:
    """Load utterances of a corpus for the training or the validation of a generator.

    Args:
        shards: utterance tables.
        sample_rate: that the generator needs, in Hz.
        maximum: number of utterances; where the corpus has more, they are drawn by a hash of their names.
        split: of the corpus.

    Returns:
        Waveforms (utterances, samples). Only of the split ``train`` there is at least one.

    Raises:
        InputError: the corpus has no training utterances, or another sample rate.
    """
    names = [name for path in shards for name in _names(path, split)]
    if not names and split != "train":
        return torch.zeros(0, 0)
    if not names:
        raise InputError("the corpus has no training utterances to train a generator on: give it a training share")
    sample = sorted(random_order(names, seed=0)[:maximum])
    waveforms = []
    for path in shards:
        for batch in utterances.read(path, ids=sample):
            if batch.sample_rate != sample_rate:
                raise InputError(
                    f"the generator works at {sample_rate} Hz, and the corpus has a rate of {batch.sample_rate} Hz"
                )
            waveforms.append(torch.from_numpy(batch.waveforms))
    return torch.cat(waveforms)


def _names(path: Path, split: str) -> list[str]:
    """Names of the utterances of a split in a table."""
    rows = utterances.read_rows(path)
    names: list[str] = rows["utterance_id"][rows["split"] == split].tolist()
    return names


def random_crops(waveforms: torch.Tensor, count: int, length: int, generator: torch.Generator) -> torch.Tensor:
    """Draw random crops, and keep the louder two thirds: silence holds nothing to learn from.

    Args:
        waveforms: (utterances, samples).
        count: number of crops that are returned.
        length: of a crop, in samples.
        generator: random numbers of the CPU.

    Returns:
        Crops (count, length), in the order in which they were drawn.

    Raises:
        InputError: the utterances are shorter than a crop.
    """
    if waveforms.shape[-1] < length:
        raise InputError(
            f"the utterances have {waveforms.shape[-1]} samples, fewer than a crop of {length}: shorten the crop"
        )
    rows = torch.randint(len(waveforms), (count * 3 // 2,), generator=generator)
    starts = torch.randint(waveforms.shape[-1] - length + 1, rows.shape, generator=generator)
    # Every crop of every utterance as a view, of which one gather takes those that were drawn.
    crops = waveforms.unfold(1, length, 1)[rows, starts]
    loudest = crops.square().mean(-1).argsort(descending=True, stable=True)[:count]
    return crops[loudest.sort().values]
