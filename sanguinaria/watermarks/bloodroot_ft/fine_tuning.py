"""Bloodroot-FT, the low-rank adaptation of a generator's decoder (Bloodroot, section 2.4): objectives and training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from sanguinaria.nn.speech_crops import random_crops
from sanguinaria.nn.step_training import Schedule, TrainingState, train
from sanguinaria.watermarks._audibility import audibility
from sanguinaria.watermarks._audioseal.networks import generate, logits
from sanguinaria.watermarks._audioseal.training import Editing
from sanguinaria.watermarks.bloodroot_ft import losses as bloodroot_losses

# Weights of the objective `listener`: finding the mark matters most, then that it is not heard.
LISTENER_WEIGHTS = {"listener": 1.0, "detection": 0.5, "message": 1.0}


@dataclass(frozen=True)
class Batch:
    """What an objective sees: speech and the marks in it, (utterances, samples), the messages (utterances, bits), and
    the CPU's random numbers."""

    speech: torch.Tensor
    marks: torch.Tensor
    messages: torch.Tensor
    random: torch.Generator


# The weighted parts of a batch's loss, by name.
Objective = Callable[[Batch], dict[str, torch.Tensor]]


def paper(generator: Any, window: int, strength: float, sample_rate: int, device: torch.device) -> Objective:
    """Eq. 5 with the paper's weights. The target w_p = α·G(x) is the frozen generator's mark with the *same* message in
    the same crop, amplified."""
    mel_distance = bloodroot_losses.log_mel_distance(sample_rate, device)

    def parts(batch: Batch) -> dict[str, torch.Tensor]:
        with torch.no_grad():
            target = strength * generate(generator, batch.speech, batch.messages, window)
        marked = batch.speech + batch.marks
        losses = {
            "supervised": bloodroot_losses.supervised(batch.marks, target),
            "stft": bloodroot_losses.multi_scale_stft(marked, batch.speech),
            "mel": mel_distance(marked, batch.speech),
            "amplitude": bloodroot_losses.amplitude(batch.marks),
        }
        return {name: bloodroot_losses.WEIGHTS[name] * loss for name, loss in losses.items()}

    return parts


def listener(
    network: nn.Module,
    detector: nn.Module,
    window: int,
    masking: float,
    editing: Editing,
    sample_rate: int,
    device: torch.device,
) -> Objective:
    """The mark is to be found by ``network``, a :class:`~sanguinaria.watermarks._audioseal.surrogate.Listener`, and
    by its own detector,
    after random low-pass filters, and is not to stand out of the speech. The network learns with the decoder; the
    detector does not.
    """
    # cuDNN differentiates recurrent layers in this mode only; nothing in the detector computes otherwise in it.
    detector.train()
    audible = audibility(sample_rate, device)

    def parts(batch: Batch) -> dict[str, torch.Tensor]:
        count = len(batch.speech)
        heard = editing(torch.cat([batch.speech + batch.marks, batch.speech]), batch.random)
        present = torch.arange(2, device=device).flip(0).repeat_interleave(count)
        with torch.no_grad():  # nothing is learnt from what a frozen network says of clean speech
            clean = logits(detector, heard[count:], window)
        found = torch.cat([logits(detector, heard[:count], window), clean]).mean(-1)
        losses = {
            "listener": cross_entropy(network(heard), present),
            "detection": cross_entropy(found[:, :2], present),
            "message": binary_cross_entropy_with_logits(found[:count, 2:], batch.messages.float()),
        }
        weighted = {name: LISTENER_WEIGHTS[name] * loss for name, loss in losses.items()}
        return weighted | {"audibility": masking * audible(batch.marks, batch.speech)}

    return parts


def train_adapter(
    adapted: Any,
    trained: nn.Module,
    objective: Objective,
    waveforms: torch.Tensor,
    schedule: Schedule,
    checkpoint: Path,
    device: torch.device,
) -> list[dict[str, float]]:
    """Train what has gradients in ``trained``, in place, or go on from a checkpoint of the same training.

    Args:
        adapted: a generator whose decoder is adapted.
        trained: what is learnt: the adapter, and a listener if there is one.
        objective: the loss.
        waveforms: speech (utterances, samples), on the CPU.
        schedule: of the training; Adam at a constant rate, as in the paper (section 3.1).
        checkpoint: where the state is kept.
        device: where it is computed.

    Returns:
        The history: for every so many steps the mean of each weighted part of the loss.

    Raises:
        InputError: the utterances are shorter than the crop.
    """
    optimiser = torch.optim.Adam([p for p in trained.parameters() if p.requires_grad], schedule.learning_rate)

    def step(_: TrainingState, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        speech = random_crops(waveforms, schedule.batch_size, schedule.crop, random).to(device)
        messages = torch.randint(2, (len(speech), adapted.msg_processor.nbits), generator=random).to(device)
        parts = objective(Batch(speech, generate(adapted, speech, messages, schedule.window), messages, random))
        return torch.stack(list(parts.values())).sum(), {name: float(part.detach()) for name, part in parts.items()}

    return train(trained, optimiser, step, schedule, checkpoint)
