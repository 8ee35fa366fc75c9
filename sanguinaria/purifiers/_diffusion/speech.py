"""Speech that diffusions are trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from sanguinaria.adversaries._probes import probes, read_waveforms
from sanguinaria.audio import utterances
from sanguinaria.core import parquet
from sanguinaria.core.errors import InputError
from sanguinaria.core.random_streams import random_order


@dataclass(frozen=True)
class Speech:
    """Utterances on the CPU.

    Attributes:
        waveforms: clean, (utterances, samples).
        names: of the utterances.
        texts: what is said in them as numbers (utterances, features), where the network is told.
        noisy: what was made of them, likewise, where it is not to be made in training.
    """

    waveforms: torch.Tensor
    names: list[str]
    texts: torch.Tensor | None = None
    noisy: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def heard(self) -> torch.Tensor:
        """What a purifier is given."""
        return self.waveforms if self.noisy is None else self.noisy

    def some(self, rows: torch.Tensor) -> Speech:
        """Some of the utterances, in the order of their rows (some,)."""
        waveforms, texts, noisy = (
            None if values is None else values[rows] for values in (self.waveforms, self.texts, self.noisy)
        )
        assert waveforms is not None
        return Speech(waveforms, [self.names[row] for row in rows.tolist()], texts, noisy)

    def scaled(self, gains: torch.Tensor) -> Speech:
        """Each utterance by its gain (utterances, 1)."""
        noisy = None if self.noisy is None else self.noisy * gains
        return replace(self, waveforms=self.waveforms * gains, noisy=noisy)

    def cropped(self, length: int, random: torch.Generator) -> Speech:
        """A piece of each utterance from a random place."""
        starts = torch.randint(self.waveforms.shape[-1] - length + 1, (len(self),), generator=random)
        places = starts[:, None] + torch.arange(length)
        waveforms, noisy = (
            None if values is None else values.gather(1, places) for values in (self.waveforms, self.noisy)
        )
        assert waveforms is not None
        return replace(self, waveforms=waveforms, noisy=noisy)

    def partly_told(self, untold: float, random: torch.Generator) -> Speech:
        """With a share of the texts left out: all zeros, as of an empty text."""
        if self.texts is None:
            return self
        return replace(self, texts=self.texts * (torch.rand(len(self), 1, generator=random) >= untold))


@dataclass(frozen=True)
class Lessons:
    """What a diffusion is taught with.

    Attributes:
        speech: what is learnt from.
        attacked: what else is, with its noisy speech.
        held_out: what is looked at for the history alone; there may be none.
    """

    speech: Speech
    attacked: Speech | None
    held_out: Speech

    @property
    def shortest(self) -> int:
        """Samples of the shorter utterances of what is learnt from."""
        learnt = (self.speech, self.attacked or self.speech)
        return min(int(speech.waveforms.shape[-1]) for speech in learnt)


def read_speech(shards: tuple[Path, ...], sample_rate: int, most: int, split: str) -> Speech:
    """The utterances of a corpus's split, at most so many, drawn by a hash of their names.

    Raises:
        InputError: they are of another sample rate, or there are none to train on.
    """
    names = [name for path in shards for name in _names(path, split)]
    if not names and split == "train":
        raise InputError("the corpus has no training utterances to train a purifier on: give it a training share")
    chosen = sorted(random_order(names, seed=0)[:most])
    waveforms, found = [torch.zeros(0, 0)], []
    for batch in (batch for path in shards for batch in utterances.read(path, ids=chosen)):
        if batch.sample_rate != sample_rate:
            raise InputError(f"the purifier hears audio at {sample_rate} Hz, and the corpus has {batch.sample_rate}")
        waveforms.append(torch.from_numpy(batch.waveforms))
        found += batch.rows["utterance_id"].tolist()
    return Speech(torch.cat(waveforms[1:] or waveforms), found)


def read_attacked(trials: Path, attacked: tuple[Path, ...], audio: tuple[Path, ...], sample_rate: int) -> Speech:
    """What an adversary made of utterances, beside these as they were; by the trials' names.

    Args:
        trials: as :mod:`sanguinaria.steps.verification.trials` writes them.
        attacked: shards of the attacked audio, named by the trials.
        audio: shards of the corpus.
        sample_rate: that both are to have.

    Raises:
        InputError: they have another.
    """
    table = probes(parquet.read(trials), "test", True)
    noisy, rate = read_waveforms(attacked, table["probe"].tolist())
    clean, _ = read_waveforms(audio, table["utterance"].unique().tolist())
    if rate != sample_rate:
        raise InputError(f"the purifier hears audio at {sample_rate} Hz, and the attacked audio has {rate}")
    pairs = zip(table["utterance"], table["probe"], strict=True)
    waveforms, made = zip(*((clean[utterance], noisy[probe]) for utterance, probe in pairs), strict=True)
    return Speech(
        torch.from_numpy(np.stack(waveforms)), table["probe"].tolist(), noisy=torch.from_numpy(np.stack(made))
    )


def _names(path: Path, split: str) -> list[str]:
    rows = utterances.read_rows(path)
    names: list[str] = rows["utterance_id"][rows["split"] == split].tolist()
    return names
