"""Objectives and training of Bloodroot-FT: low-rank adaptation of a generator's decoder (Bloodroot, section 2.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from sanguinaria.core import devices
from sanguinaria.core.devices import Precision
from sanguinaria.nn.speech_crops import random_crops
from sanguinaria.nn.step_training import Schedule, TrainingState, train
from sanguinaria.watermarks._audibility import audibility
from sanguinaria.watermarks._audioseal.augmentation import Augmentation
from sanguinaria.watermarks._audioseal.forward import detector_logits, generate_watermark
from sanguinaria.watermarks._audioseal.losses import presence
from sanguinaria.watermarks._audioseal.surrogate import Surrogates, surrogate_loss
from sanguinaria.watermarks.bloodroot_ft import losses as bloodroot_losses

# Weights of the losses of the objective `surrogate`; the audibility's is a setting.
SURROGATE_WEIGHTS = {"surrogate": 1.0, "detection": 0.5, "message": 1.0}


@dataclass(frozen=True)
class Batch:
    """Input of an objective.

    Attributes:
        speech: (utterances, samples).
        marks: of the adapted generator, (utterances, samples).
        messages: (utterances, bits).
        random: the CPU's random numbers.
    """

    speech: torch.Tensor
    marks: torch.Tensor
    messages: torch.Tensor
    random: torch.Generator


# From a batch to the weighted losses by name.
Objective = Callable[[Batch], dict[str, torch.Tensor]]


def paper_objective(
    generator: Any, *, window: int, strength: float, sample_rate: int, precision: Precision, device: torch.device
) -> Objective:
    """Return Eq. 5 with the paper's weights.

    The target w_p = α·G(x) is the frozen generator's mark with the *same* message in the same crop, amplified.

    Args:
        generator: the frozen base.
        window: of the level normalisation, in samples.
        strength: α.
        sample_rate: in Hz.
        precision: of the generator.
        device: where it computes.
    """
    mel_distance = bloodroot_losses.log_mel_distance(sample_rate, device)

    def objective(batch: Batch) -> dict[str, torch.Tensor]:
        with torch.no_grad(), devices.network_arithmetic(precision, device):
            target = strength * generate_watermark(generator, batch.speech, batch.messages, window)
        marked = batch.speech + batch.marks
        losses = {
            "supervised": bloodroot_losses.supervised(batch.marks, target),
            "stft": bloodroot_losses.multi_scale_stft(marked, batch.speech),
            "mel": mel_distance(marked, batch.speech),
            "amplitude": bloodroot_losses.amplitude(batch.marks),
        }
        return {name: bloodroot_losses.WEIGHTS[name] * loss for name, loss in losses.items()}

    return objective


def surrogate_objective(
    surrogate: nn.Module,
    detector: nn.Module,
    *,
    window: int,
    masking_weight: float,
    augmentation: Augmentation,
    sample_rate: int,
    precision: Precision,
    device: torch.device,
) -> Objective:
    """Return the objective with a surrogate of the victim.

    The surrogate and the frozen detector have to detect the mark after random low-pass filters, and the speech has to
    mask it. The surrogate is trained together with the decoder.

    Args:
        surrogate: :class:`~sanguinaria.watermarks._audioseal.surrogate.Surrogates`.
        detector: the frozen base's.
        window: of the level normalisation, in samples.
        masking_weight: of the audibility.
        augmentation: between the mark and both classifiers.
        sample_rate: in Hz.
        precision: of both.
        device: where it computes.
    """
    # cuDNN differentiates recurrent layers in this mode only; no layer of the detector computes otherwise in it.
    detector.train()
    audibility_of = audibility(sample_rate, device)

    def objective(batch: Batch) -> dict[str, torch.Tensor]:
        count = len(batch.speech)
        augmented = augmentation(torch.cat([batch.speech + batch.marks, batch.speech]), batch.random)
        present = presence(count, device)
        with devices.network_arithmetic(precision, device):
            marked_logits = detector_logits(detector, augmented[:count], window)
            surrogate_logits = surrogate(augmented)
            with torch.no_grad():  # the frozen network's logits of clean speech depend on nothing that is trained
                clean_logits = detector_logits(detector, augmented[count:], window)
        logits = torch.cat([marked_logits, clean_logits]).mean(-1)
        losses = {
            "surrogate": surrogate_loss(surrogate_logits, present),
            "detection": cross_entropy(logits[:, :2], present),
            "message": binary_cross_entropy_with_logits(logits[:count, 2:], batch.messages.float()),
        }
        weighted = {name: SURROGATE_WEIGHTS[name] * loss for name, loss in losses.items()}
        return weighted | {"audibility": masking_weight * audibility_of(batch.marks, batch.speech)}

    return objective


def train_adapter(
    adapted: Any,
    trained: nn.Module,
    objective: Objective,
    *,
    waveforms: torch.Tensor,
    schedule: Schedule,
    checkpoint: Path,
    device: torch.device,
    surrogates: Surrogates | None = None,
    renewal_period: int = 0,
) -> list[dict[str, float]]:
    """Train the parameters of ``trained`` that have gradients, in place, or resume from a checkpoint.

    Args:
        adapted: a generator whose decoder is adapted.
        trained: the adapted decoder, and the surrogates if there are some.
        objective: the loss.
        waveforms: speech (utterances, samples), on the CPU.
        schedule: of the training; Adam at a constant rate, as in the paper (section 3.1).
        checkpoint: file in which the state is kept.
        device: where it computes.
        surrogates: those of ``trained``.
        renewal_period: steps after which one of the surrogates is initialised anew; 0 for never.

    Returns:
        The history: for every so many steps the mean of each weighted loss.

    Raises:
        InputError: the utterances are shorter than the crop.
    """
    optimiser = torch.optim.Adam([p for p in trained.parameters() if p.requires_grad], schedule.learning_rate)

    def step(progress: TrainingState, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        if surrogates is not None:
            surrogates.renew(optimiser, progress["step"], renewal_period, schedule.seed)
        speech = random_crops(waveforms, schedule.batch_size, schedule.crop, random).to(device)
        messages = torch.randint(2, (len(speech), adapted.msg_processor.nbits), generator=random).to(device)
        with devices.network_arithmetic(schedule.precision, device):
            marks = generate_watermark(adapted, speech, messages, schedule.window)
        losses = objective(Batch(speech, marks, messages, random))
        return torch.stack(list(losses.values())).sum(), {name: float(loss.detach()) for name, loss in losses.items()}

    return train(trained, optimiser, step, schedule, checkpoint)
