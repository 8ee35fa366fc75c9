"""Training a diffusion to estimate the noise in speech: TDAP's Eq. 7, of which the ordinary one is the case m_t = 0."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from sanguinaria import parquet, utterances
from sanguinaria.attacks import Attacks
from sanguinaria.diffusion_processes import Process
from sanguinaria.errors import InputError
from sanguinaria.poisoning_order import order
from sanguinaria.probes import probes, waveforms_of
from sanguinaria.purification import PurifyingNetwork
from sanguinaria.watermark_training import KEEP_EVERY, Progress, Schedule, set_rate, train

# Seed of the validation's random numbers, which training does not share.
VALIDATION_SEED = 1
# Before so many steps have been made, the average is over fewer of them than its decay says.
YOUNG = 10


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
class DiffusionSchedule(Schedule):
    """How a diffusion is trained.

    Attributes:
        pretraining: how many of the steps come first, with y = x_0 and by the ordinary process: on clean speech alone.
        decay: of the average of the weights that is kept, by step.
        constant: whether the learning rate stays as it is, or rises and falls as :func:`set_rate` says.
        untold: share of the utterances whose text the network is not told, so that it can do without.
        attacked: share of the steps after the pretraining that are taken in attacked utterances, where there are such.
    """

    pretraining: int
    decay: float
    constant: bool
    untold: float
    attacked: float = 0.0


def read_speech(shards: tuple[Path, ...], sample_rate: int, most: int, split: str) -> Speech:
    """The utterances of a corpus's split, at most so many, drawn by a hash of their names.

    Raises:
        InputError: they are of another sample rate, or there are none to train on.
    """
    names = [name for path in shards for name in _names(path, split)]
    if not names and split == "train":
        raise InputError("the corpus has no training utterances to train a purifier on: give it a training share")
    chosen = sorted(order(names, seed=0)[:most])
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
        trials: as :mod:`sanguinaria.trials` writes them.
        attacked: shards of the attacked audio, named by the trials.
        audio: shards of the corpus.
        sample_rate: that both are to have.

    Raises:
        InputError: they have another.
    """
    table = probes(parquet.read(trials), "test", True)
    noisy, rate = waveforms_of(attacked, table["probe"].tolist())
    clean, _ = waveforms_of(audio, table["utterance"].unique().tolist())
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


class Diffusion:
    """A process as tensors of a device: what is drawn from it, and what the network is taught."""

    def __init__(self, process: Process, device: torch.device) -> None:
        bars, mixtures, variances = (
            torch.tensor(values, dtype=torch.float64)
            for values in (process.alpha_bars, process.mixtures, process.variances)
        )
        noisiness = (1 - bars).clamp(min=1e-12).sqrt()
        self.steps = process.steps
        self.scale, self.mixture, self.deviation, self.of_difference, self.of_noise = (
            values.float()[:, None].to(device)
            for values in (
                bars.sqrt(),
                mixtures,
                variances.clamp(min=0).sqrt(),
                mixtures * bars.sqrt() / noisiness,
                variances.clamp(min=0).sqrt() / noisiness,
            )
        )

    def at(
        self, times: torch.Tensor, clean: torch.Tensor, noisy: torch.Tensor, noise: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """x_t by Eq. 3 and what the network is to estimate of it, ε* of Eq. 7.

        Shape: times (utterances,), of which none is 0; all others (utterances, samples).
        """
        difference = noisy - clean
        current = self.scale[times] * (clean + self.mixture[times] * difference) + self.deviation[times] * noise
        return current, self.of_difference[times] * difference + self.of_noise[times] * noise


def train_diffusion(
    network: PurifyingNetwork,
    process: Process,
    ordinary: Process,
    speech: Speech,
    attacked: Speech | None,
    held_out: Speech,
    noises: Attacks,
    schedule: DiffusionSchedule,
    checkpoint: Path,
    device: torch.device,
) -> list[dict[str, float]]:
    """Train, or go on from a checkpoint of the same training; the network's weights are then their moving average.

    Args:
        network: trained in place.
        process: of the training's steps.
        ordinary: of the pretraining's; of as many steps.
        speech: what is learnt from.
        attacked: what else is, with its noisy speech.
        held_out: what is looked at for the history alone; there may be none.
        noises: what makes noisy speech of clean.
        schedule: of the training.
        checkpoint: where the state is kept.
        device: where it is computed.

    Returns:
        The history: for every so many steps the mean of the loss and, of ``held_out``, the average's loss.

    Raises:
        InputError: the utterances are shorter than a crop.
    """
    if min(each.waveforms.shape[-1] for each in (speech, attacked or speech)) < schedule.crop:
        raise InputError(
            f"the utterances have {speech.waveforms.shape[-1]} samples, fewer than a crop of {schedule.crop}"
        )
    learnt = nn.ModuleDict({"network": network, "average": copy.deepcopy(network).requires_grad_(False)}).to(device)
    optimiser = torch.optim.Adam(network.parameters(), schedule.learning_rate, fused=True)
    step = _Step(learnt, optimiser, process, ordinary, speech, attacked, held_out, noises, schedule, device)
    history = train(learnt, optimiser, step, schedule, checkpoint)
    step.follow(schedule.steps)
    network.load_state_dict(learnt["average"].state_dict())
    return history


class _Step:
    """The loss of one batch, and the values that the history tells of it."""

    def __init__(
        self,
        learnt: nn.ModuleDict,
        optimiser: torch.optim.Optimizer,
        process: Process,
        ordinary: Process,
        speech: Speech,
        attacked: Speech | None,
        held_out: Speech,
        noises: Attacks,
        schedule: DiffusionSchedule,
        device: torch.device,
    ) -> None:
        self.network, self.average, self.optimiser = learnt["network"], learnt["average"], optimiser
        self.diffusion, self.ordinary = Diffusion(process, device), Diffusion(ordinary, device)
        self.speech, self.attacked, self.held_out, self.noises = speech, attacked, held_out, noises
        self.schedule, self.device = schedule, device

    def __call__(self, progress: Progress, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        number, schedule = progress["step"], self.schedule
        self.follow(number)
        if not schedule.constant:
            set_rate(self.optimiser, schedule, number)
        source = self._source(number, random)
        rows = torch.randint(len(source), (schedule.batch_size,), generator=random)
        pieces = source.some(rows).cropped(schedule.crop, random).partly_told(schedule.untold, random)
        times = torch.randint(1, self.diffusion.steps + 1, (schedule.batch_size,), generator=random)
        loss = self._loss(self.network, number, pieces, times, random)
        values = {"loss": float(loss.detach())}
        after = number + 1
        if len(self.held_out) and (after % KEEP_EVERY == 0 or after == schedule.steps):
            values["validation_loss"] = self._validate(number)
        return loss, values

    def _source(self, number: int, random: torch.Generator) -> Speech:
        """What a step's utterances are drawn from."""
        if not self.attacked or number < self.schedule.pretraining:
            return self.speech
        return self.attacked if torch.rand((), generator=random) < self.schedule.attacked else self.speech

    def follow(self, number: int) -> None:
        """Move the average towards the weights after so many steps."""
        decay = min(self.schedule.decay, number / (YOUNG + number))
        with torch.no_grad():
            for mean, weight in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(weight, 1 - decay)

    def _loss(
        self,
        network: nn.Module,
        number: int,
        pieces: Speech,
        times: torch.Tensor,
        random: torch.Generator,
    ) -> torch.Tensor:
        """Eq. 7, with all its weights 1 as in Ho et al. (2020, Eq. 14)."""
        pretraining = number < self.schedule.pretraining
        clean = pieces.waveforms.to(self.device)
        if pieces.noisy is not None:
            noisy = pieces.noisy.to(self.device)
        else:
            noisy = clean if pretraining else self.noises(clean, random)
        noise = torch.randn(pieces.waveforms.shape, generator=random).to(self.device)
        diffusion = self.ordinary if pretraining else self.diffusion
        times = times.to(self.device)
        current, wanted = diffusion.at(times, clean, noisy, noise)
        texts = None if pieces.texts is None else pieces.texts.to(self.device)
        estimated = network(current, noisy, times.to(current), texts)
        loss: torch.Tensor = (estimated - wanted).square().mean()
        return loss

    def _validate(self, number: int) -> float:
        """The average's loss on the held-out utterances, at steps spread over all there are, and always the same."""
        random = torch.Generator().manual_seed(VALIDATION_SEED)
        times = 1 + torch.arange(len(self.held_out)) * self.diffusion.steps // len(self.held_out)
        losses = []
        with torch.no_grad():
            for rows in torch.split(torch.arange(len(self.held_out)), self.schedule.batch_size):
                pieces = self.held_out.some(rows).cropped(self.schedule.crop, random)
                loss = self._loss(self.average, number, pieces, times[rows], random)
                losses += [float(loss)] * len(rows)
        return sum(losses) / len(losses)
