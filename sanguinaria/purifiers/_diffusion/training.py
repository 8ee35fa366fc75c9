"""Training a diffusion to estimate the noise in speech: TDAP's Eq. 7, of which the ordinary one is the case m_t = 0."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from sanguinaria.core.errors import InputError
from sanguinaria.distortions._attack_layer import AttackLayer
from sanguinaria.nn.step_training import Schedule, TrainingState, is_checkpoint_step, set_learning_rate, train
from sanguinaria.purifiers._diffusion.cleanser import PurifyingNetwork
from sanguinaria.purifiers._diffusion.process import Process
from sanguinaria.purifiers._diffusion.speech import Lessons, Speech

# Seed of the validation's random numbers, which training does not share.
VALIDATION_SEED = 1
# Before so many steps have been made, the average is over fewer of them than its decay says.
YOUNG = 10


@dataclass(frozen=True)
class DiffusionSchedule(Schedule):
    """How a diffusion is trained.

    Attributes:
        pretraining: how many of the steps come first, with y = x_0 and by the ordinary process: on clean speech alone.
        decay: of the average of the weights that is kept, by step.
        constant: whether the learning rate stays as it is, or rises and falls as :func:`set_learning_rate` says.
        untold: share of the utterances whose text the network is not told, so that it can do without.
        attacked: share of the steps after the pretraining that are taken in attacked utterances, where there are such.
    """

    pretraining: int
    decay: float
    constant: bool
    untold: float
    attacked: float = 0.0


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
    lessons: Lessons,
    noises: AttackLayer,
    schedule: DiffusionSchedule,
    checkpoint: Path,
    device: torch.device,
) -> list[dict[str, float]]:
    """Train, or go on from a checkpoint of the same training; the network's weights are then their moving average.

    Args:
        network: trained in place.
        process: of the training's steps.
        ordinary: of the pretraining's; of as many steps.
        lessons: what is learnt from, and what is looked at.
        noises: what makes noisy speech of clean.
        schedule: of the training.
        checkpoint: where the state is kept.
        device: where it is computed.

    Returns:
        The history: for every so many steps the mean of the loss and, of what is held out, the average's loss.

    Raises:
        InputError: the utterances are shorter than a crop.
    """
    if lessons.shortest < schedule.crop:
        raise InputError(f"the utterances have {lessons.shortest} samples, fewer than a crop of {schedule.crop}")
    learnt = nn.ModuleDict({"network": network, "average": copy.deepcopy(network).requires_grad_(False)}).to(device)
    optimiser = torch.optim.Adam(network.parameters(), schedule.learning_rate, fused=True)
    step = _Step(
        learnt, optimiser, Diffusion(process, device), Diffusion(ordinary, device), lessons, noises, schedule, device
    )
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
        diffusion: Diffusion,
        ordinary: Diffusion,
        lessons: Lessons,
        noises: AttackLayer,
        schedule: DiffusionSchedule,
        device: torch.device,
    ) -> None:
        self.network, self.average, self.optimiser = learnt["network"], learnt["average"], optimiser
        self.diffusion, self.ordinary, self.lessons, self.noises = diffusion, ordinary, lessons, noises
        self.schedule, self.device = schedule, device

    def __call__(self, progress: TrainingState, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        number, schedule = progress["step"], self.schedule
        self.follow(number)
        if not schedule.constant:
            set_learning_rate(self.optimiser, schedule, number)
        source = self._source(number, random)
        rows = torch.randint(len(source), (schedule.batch_size,), generator=random)
        pieces = source.some(rows).cropped(schedule.crop, random).partly_told(schedule.untold, random)
        times = torch.randint(1, self.diffusion.steps + 1, (schedule.batch_size,), generator=random)
        loss = self._loss(self.network, number, pieces, times, random)
        values = {"loss": float(loss.detach())}
        if len(self.lessons.held_out) and is_checkpoint_step(number + 1, schedule.steps):
            values["validation_loss"] = self._validate(number)
        return loss, values

    def _source(self, number: int, random: torch.Generator) -> Speech:
        """What a step's utterances are drawn from."""
        speech, attacked = self.lessons.speech, self.lessons.attacked
        if not attacked or number < self.schedule.pretraining:
            return speech
        return attacked if torch.rand((), generator=random) < self.schedule.attacked else speech

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
        held_out = self.lessons.held_out
        random = torch.Generator().manual_seed(VALIDATION_SEED)
        times = 1 + torch.arange(len(held_out)) * self.diffusion.steps // len(held_out)
        losses = []
        with torch.no_grad():
            for rows in torch.split(torch.arange(len(held_out)), self.schedule.batch_size):
                pieces = held_out.some(rows).cropped(self.schedule.crop, random)
                loss = self._loss(self.average, number, pieces, times[rows], random)
                losses += [float(loss)] * len(rows)
        return sum(losses) / len(losses)
