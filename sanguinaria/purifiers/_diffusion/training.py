"""Training of a diffusion's noise estimator by TDAP's Eq. 7, of which the ordinary diffusion is the case m_t = 0."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from sanguinaria.core import devices
from sanguinaria.core.errors import InputError
from sanguinaria.distortions._attack_layer import AttackLayer
from sanguinaria.nn.step_training import Schedule, TrainingState, is_checkpoint_step, set_learning_rate, train
from sanguinaria.purifiers._diffusion.process import DiffusionProcess
from sanguinaria.purifiers._diffusion.sampler import DenoisingNetwork
from sanguinaria.purifiers._diffusion.training_data import TrainingData, TrainingUtterances

# Seed of the validation's random numbers, which the training does not share.
VALIDATION_SEED = 1
# Warm-up of the moving average: after n steps its decay is at most n / (10 + n).
EMA_WARM_UP = 10


@dataclass(frozen=True, kw_only=True)
class DiffusionSchedule(Schedule):
    """Schedule of a diffusion's training.

    Attributes:
        pretraining: number of first steps, with y = x_0 and by the ordinary process: on clean speech alone.
        ema_decay: decay per step of the exponential moving average of the weights, which is kept.
        constant: whether the learning rate is constant, or follows :func:`set_learning_rate`.
        text_dropout: probability of training on an utterance without its text, so that the network works without.
        attacked_share: share of the steps after the pretraining that take attacked utterances, where there are any.
    """

    pretraining: int
    ema_decay: float
    constant: bool
    text_dropout: float
    attacked_share: float = 0.0


class ForwardProcess:
    """Forward process of a diffusion and the training target, as float32 tensors on a device."""

    def __init__(self, process: DiffusionProcess, device: torch.device) -> None:
        bars, mixing, variances = (
            torch.tensor(values, dtype=torch.float64)
            for values in (process.alpha_bars, process.mixing_weights, process.variances)
        )
        noise_level = (1 - bars).clamp(min=1e-12).sqrt()
        self.steps = process.steps
        self.scale, self.mixing, self.deviation, self.difference_coefficients, self.noise_coefficients = (
            values.float()[:, None].to(device)
            for values in (
                bars.sqrt(),
                mixing,
                variances.clamp(min=0).sqrt(),
                mixing * bars.sqrt() / noise_level,
                variances.clamp(min=0).sqrt() / noise_level,
            )
        )

    def sample(
        self, steps: torch.Tensor, clean: torch.Tensor, noisy: torch.Tensor, noise: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return x_t by Eq. 3 and the target of its noise estimate, ε* of Eq. 7.

        Args:
            steps: t of each utterance, (utterances,), at least 1.
            clean: x_0, (utterances, samples).
            noisy: y, (utterances, samples).
            noise: white noise of variance 1, (utterances, samples).

        Returns:
            Two tensors (utterances, samples).
        """
        difference = noisy - clean
        current = self.scale[steps] * (clean + self.mixing[steps] * difference) + self.deviation[steps] * noise
        return current, self.difference_coefficients[steps] * difference + self.noise_coefficients[steps] * noise


def train_diffusion(
    *,
    network: DenoisingNetwork,
    process: DiffusionProcess,
    ordinary: DiffusionProcess,
    data: TrainingData,
    distort: AttackLayer,
    schedule: DiffusionSchedule,
    checkpoint: Path,
    device: torch.device,
) -> list[dict[str, float]]:
    """Train a network, or resume from a checkpoint of the same training; its weights are then their moving average.

    Args:
        network: trained in place.
        process: of the training.
        ordinary: process of the pretraining, of as many steps.
        data: training and validation utterances.
        distort: makes noisy speech of clean.
        schedule: of the training.
        checkpoint: path of the training's state.
        device: of the computation.

    Returns:
        The history: at each checkpoint the mean training loss and, with validation utterances, the validation loss of
        the moving average.

    Raises:
        InputError: the utterances are shorter than a crop.
    """
    if data.minimum_length < schedule.crop:
        raise InputError(f"the utterances have {data.minimum_length} samples, fewer than a crop of {schedule.crop}")
    average = copy.deepcopy(network).requires_grad_(False)
    networks = nn.ModuleDict({"network": network, "average": average}).to(device)
    optimiser = torch.optim.Adam(network.parameters(), schedule.learning_rate, fused=True)
    step = _TrainingStep(
        networks=networks,
        optimiser=optimiser,
        process=ForwardProcess(process, device),
        ordinary=ForwardProcess(ordinary, device),
        data=data,
        distort=distort,
        schedule=schedule,
        device=device,
    )
    history = train(networks, optimiser, step, schedule, checkpoint)
    step.update_average(schedule.steps)
    network.load_state_dict(networks["average"].state_dict())
    return history


class _TrainingStep:
    """The loss of one batch, and the values for the history."""

    def __init__(
        self,
        *,
        networks: nn.ModuleDict,
        optimiser: torch.optim.Optimizer,
        process: ForwardProcess,
        ordinary: ForwardProcess,
        data: TrainingData,
        distort: AttackLayer,
        schedule: DiffusionSchedule,
        device: torch.device,
    ) -> None:
        self.network, self.average, self.optimiser = networks["network"], networks["average"], optimiser
        self.process, self.ordinary, self.data, self.distort = process, ordinary, data, distort
        self.schedule, self.device = schedule, device

    def __call__(self, state: TrainingState, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        number, schedule = state["step"], self.schedule
        self.update_average(number)
        if not schedule.constant:
            set_learning_rate(self.optimiser, schedule, number)
        source = self._source(number, random)
        rows = torch.randint(len(source), (schedule.batch_size,), generator=random)
        batch = source.select(rows).cropped(schedule.crop, random).with_text_dropout(schedule.text_dropout, random)
        steps = torch.randint(1, self.process.steps + 1, (schedule.batch_size,), generator=random)
        loss = self._loss(self.network, number, batch, steps, random)
        values = {"loss": float(loss.detach())}
        if len(self.data.validation) and is_checkpoint_step(number + 1, schedule.steps):
            values["validation_loss"] = self._validation_loss(number)
        return loss, values

    def _source(self, number: int, random: torch.Generator) -> TrainingUtterances:
        """Return the utterances that a step's batch is drawn from."""
        training, attacked = self.data.training, self.data.attacked
        if not attacked or number < self.schedule.pretraining:
            return training
        return attacked if torch.rand((), generator=random) < self.schedule.attacked_share else training

    def update_average(self, number: int) -> None:
        """Update the moving average with the weights after ``number`` steps."""
        decay = min(self.schedule.ema_decay, number / (EMA_WARM_UP + number))
        with torch.no_grad():
            for mean, weight in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(weight, 1 - decay)

    def _loss(
        self,
        network: nn.Module,
        number: int,
        batch: TrainingUtterances,
        steps: torch.Tensor,
        random: torch.Generator,
    ) -> torch.Tensor:
        """Compute Eq. 7, with all its weights 1 as in Ho et al. (2020, Eq. 14)."""
        pretraining = number < self.schedule.pretraining
        clean = batch.waveforms.to(self.device)
        if batch.noisy is not None:
            noisy = batch.noisy.to(self.device)
        else:
            noisy = clean if pretraining else self.distort(clean, random)
        noise = torch.randn(batch.waveforms.shape, generator=random).to(self.device)
        process = self.ordinary if pretraining else self.process
        steps = steps.to(self.device)
        current, target = process.sample(steps, clean, noisy, noise)
        texts = None if batch.texts is None else batch.texts.to(self.device)
        with devices.network_arithmetic(self.schedule.precision, self.device):
            estimate = network(current, noisy, steps.to(current), texts)
        loss: torch.Tensor = (estimate - target).square().mean()
        return loss

    def _validation_loss(self, number: int) -> float:
        """Compute the moving average's loss on the validation utterances, at diffusion steps spread over all of them;
        crops, steps and noise are the same each time."""
        validation = self.data.validation
        random = torch.Generator().manual_seed(VALIDATION_SEED)
        steps = 1 + torch.arange(len(validation)) * self.process.steps // len(validation)
        losses = []
        with torch.no_grad():
            for rows in torch.split(torch.arange(len(validation)), self.schedule.batch_size):
                batch = validation.select(rows).cropped(self.schedule.crop, random)
                loss = self._loss(self.average, number, batch, steps[rows], random)
                losses += [float(loss)] * len(rows)
        return sum(losses) / len(losses)
