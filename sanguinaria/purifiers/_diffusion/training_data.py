"""Training data of diffusion purifiers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from sanguinaria.adversaries._probes import probes, read_waveforms
from sanguinaria.audio import utterances
from sanguinaria.core import parquet
from sanguinaria.core.errors import InputError
from sanguinaria.core.random_streams import sample


@dataclass(frozen=True)
class TrainingUtterances:
    """Utterances on the CPU.

    Attributes:
        waveforms: clean speech, (utterances, samples).
        names: of the utterances.
        texts: their text embeddings (utterances, features), for a network conditioned on text.
        noisy: noisy versions of the waveforms, of the same shape; ``None`` where they are drawn during training.
    """

    waveforms: torch.Tensor
    names: list[str]
    texts: torch.Tensor | None = None
    noisy: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def inputs(self) -> torch.Tensor:
        """The purifier's inputs: noisy speech where there is any, else clean speech."""
        return self.waveforms if self.noisy is None else self.noisy

    def select(self, rows: torch.Tensor) -> TrainingUtterances:
        """Return the utterances of the given rows, in their order."""
        waveforms, texts, noisy = (
            None if values is None else values[rows] for values in (self.waveforms, self.texts, self.noisy)
        )
        assert waveforms is not None
        return TrainingUtterances(waveforms, [self.names[row] for row in rows.tolist()], texts, noisy)

    def scaled(self, gains: torch.Tensor) -> TrainingUtterances:
        """Return the utterances multiplied by their gains (utterances, 1)."""
        noisy = None if self.noisy is None else self.noisy * gains
        return replace(self, waveforms=self.waveforms * gains, noisy=noisy)

    def cropped(self, length: int, random: torch.Generator) -> TrainingUtterances:
        """Return a random crop of each utterance, of ``length`` samples; clean and noisy speech are cropped alike."""
        starts = torch.randint(self.waveforms.shape[-1] - length + 1, (len(self),), generator=random)
        rows = torch.arange(len(self))
        waveforms, noisy = (
            None if values is None else values.unfold(1, length, 1)[rows, starts]
            for values in (self.waveforms, self.noisy)
        )
        assert waveforms is not None
        return replace(self, waveforms=waveforms, noisy=noisy)

    def with_text_dropout(self, probability: float, random: torch.Generator) -> TrainingUtterances:
        """Return the utterances with text embeddings dropped at random: all zeros, as of an empty text."""
        if self.texts is None:
            return self
        return replace(self, texts=self.texts * (torch.rand(len(self), 1, generator=random) >= probability))


@dataclass(frozen=True)
class TrainingData:
    """Training and validation utterances of a diffusion.

    Attributes:
        training: clean training utterances.
        attacked: attacked training utterances beside their clean versions, if there are any.
        validation: held-out utterances, for the history alone; there may be none.
    """

    training: TrainingUtterances
    attacked: TrainingUtterances | None
    validation: TrainingUtterances

    @property
    def minimum_length(self) -> int:
        """Length in samples of the shortest training utterances."""
        parts = (self.training, self.attacked or self.training)
        return min(int(part.waveforms.shape[-1]) for part in parts)


def read_utterances(shards: tuple[Path, ...], sample_rate: int, maximum: int, split: str) -> TrainingUtterances:
    """Read utterances of one split of a corpus, sampled by a hash of their names.

    Args:
        shards: of the corpus.
        sample_rate: expected, in Hz.
        maximum: largest number of utterances.
        split: of the utterances.

    Returns:
        Clean utterances without texts; none where the split is empty.

    Raises:
        InputError: their sample rate differs, or there are none to train on.
    """
    names = [name for path in shards for name in _names(path, split)]
    if not names and split == "train":
        raise InputError("the corpus has no training utterances to train a purifier on: give it a training share")
    sampled = sample(names, maximum)
    waveforms, read_names = [torch.zeros(0, 0)], []
    for batch in (batch for path in shards for batch in utterances.read(path, ids=sampled)):
        if batch.sample_rate != sample_rate:
            raise InputError(f"the purifier takes audio at {sample_rate} Hz, and the corpus has {batch.sample_rate}")
        waveforms.append(torch.from_numpy(batch.waveforms))
        read_names += batch.rows["utterance_id"].tolist()
    return TrainingUtterances(torch.cat(waveforms[1:] or waveforms), read_names)


def read_attacked(
    trials: Path, attacked: tuple[Path, ...], audio: tuple[Path, ...], sample_rate: int
) -> TrainingUtterances:
    """Read attacked utterances beside their clean versions, named by their trials.

    Args:
        trials: as :mod:`sanguinaria.steps.verification.trials` writes them.
        attacked: shards of the attacked audio, named by the trials.
        audio: shards of the corpus.
        sample_rate: expected of both, in Hz.

    Returns:
        One utterance for each attacked probe: its clean waveform, and the attacked one as ``noisy``.

    Raises:
        InputError: their sample rate differs.
    """
    table = probes(parquet.read(trials), "test", True)
    noisy, rate = read_waveforms(attacked, table["probe"].tolist())
    clean, _ = read_waveforms(audio, table["utterance"].unique().tolist())
    if rate != sample_rate:
        raise InputError(f"the purifier takes audio at {sample_rate} Hz, and the attacked audio has {rate}")
    names = zip(table["utterance"], table["probe"], strict=True)
    clean_waveforms, noisy_waveforms = zip(
        *((clean[utterance], noisy[probe]) for utterance, probe in names), strict=True
    )
    return TrainingUtterances(
        torch.from_numpy(np.stack(clean_waveforms)),
        table["probe"].tolist(),
        noisy=torch.from_numpy(np.stack(noisy_waveforms)),
    )


def _names(path: Path, split: str) -> list[str]:
    """Return the names of a shard's utterances of one split."""
    rows = utterances.read_rows(path)
    names: list[str] = rows["utterance_id"][rows["split"] == split].tolist()
    return names
