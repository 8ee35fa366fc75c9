"""PKDMark's student: a smaller encoder that learns from a teacher, whose decoder reads both (section III-C).

Progressive distillation mixes their marks, from mostly the teacher's to the student's alone, while only the student
learns; then student and decoder learn together. Direct distillation, which the paper compares it with, has the
student's mark alone and learns together from the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn
from torch.nn.functional import mse_loss

from sanguinaria.distortions._attack_layer import AttackLayer
from sanguinaria.nn.speech_crops import random_crops
from sanguinaria.nn.step_training import Schedule, TrainingState, is_checkpoint_step, set_learning_rate, train
from sanguinaria.watermarks._invertible.discriminator import Discriminator
from sanguinaria.watermarks._pkdmark.losses import decoding, undetected
from sanguinaria.watermarks._pkdmark.network import MarkNetwork
from sanguinaria.watermarks._pkdmark.training import Weights, errors, random_messages, validate

Distillation = Literal["progressive", "direct"]
# α at the start (section IV-A: "linearly increased from 0.1 to 1 over 40k steps").
FIRST_MIX = 0.1


@dataclass(frozen=True)
class Teacher:
    """What a student learns from: a trained network, which stays as it is, and its discriminator, if there is one."""

    network: MarkNetwork
    discriminator: Discriminator | None


@dataclass(frozen=True)
class StudentSchedule(Schedule):
    """How a student is trained, ``steps`` in all.

    Attributes:
        progressive: steps over which α rises; with ``distillation`` direct it is 1 from the start.
        ratio: dB, of a piece to each mark; ``None`` where the networks decide.
    """

    distillation: Distillation
    progressive: int
    ratio: float | None

    def mix(self, step: int) -> float:
        """α(n) of Eq. 7."""
        if self.distillation == "direct" or step >= self.progressive:
            return 1.0
        return FIRST_MIX + (1 - FIRST_MIX) * step / self.progressive


def train_student(
    student: MarkNetwork,
    decoder: MarkNetwork,
    teacher: Teacher,
    waveforms: torch.Tensor,
    held_out: torch.Tensor,
    weights: Weights,
    attacks: AttackLayer,
    schedule: StudentSchedule,
    checkpoint: Path,
    device: torch.device,
) -> list[dict[str, float]]:
    """Train student and decoder in place, or go on from a checkpoint of the same training.

    Args:
        student: marks.
        decoder: reads; it starts as the teacher's, and learns only where α is 1.
        teacher: marks as the student is to mark. As the encoder of Eq. 8 and in its discriminator it is the first
            stage's to the end: a target that learns along would move.
        waveforms: speech (utterances, samples), on the CPU.
        held_out: speech that is looked at for the history alone, likewise; there may be none.
        weights: of Eq. 11.
        attacks: between marking and reading.
        schedule: of the training.
        checkpoint: where the state is kept.
        device: where it is computed.

    Returns:
        The history: for every so many steps the mean of each loss and of α and, of ``held_out``, the validation's
        numbers.

    Raises:
        InputError: the utterances are shorter than a piece.
    """
    learnt = nn.ModuleDict({"student": student, "decoder": decoder}).to(device)
    teacher.network.to(device).eval().requires_grad_(False)
    if teacher.discriminator is not None:
        teacher.discriminator.to(device).eval()
    optimiser = torch.optim.Adam(learnt.parameters(), schedule.learning_rate, fused=True)

    def step(progress: TrainingState, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        set_learning_rate(optimiser, schedule, progress["step"])
        mix = schedule.mix(progress["step"])
        decoder.requires_grad_(mix == 1.0)
        speech = random_crops(waveforms, schedule.batch_size, schedule.crop, random).to(device)
        messages = random_messages(len(speech), student.bits, random).to(device)
        own = student.mark(speech, messages, schedule.ratio)
        taught = teacher.network.mark(speech, messages, schedule.ratio)
        # Eq. 7 mixes spectra; synthesis is linear, so the mixed sounds are the same.
        mixed = speech + mix * own + (1 - mix) * taught
        found = decoder.read(attacks(mixed, random))
        parts = {"decoding": decoding(messages, found), "perceptual": mse_loss(own, taught)}
        loss = weights.decoding * parts["decoding"] + weights.perceptual * parts["perceptual"]
        if teacher.discriminator is not None and weights.adversarial:
            parts["adversarial"] = undetected(teacher.discriminator, speech + own)
            loss = loss + weights.adversarial * parts["adversarial"]
        values = {name: float(part.detach()) for name, part in parts.items()}
        values |= {"bit_error_rate": errors(found, messages), "mix": mix}
        if is_checkpoint_step(progress["step"] + 1, schedule.steps) and len(held_out):
            pieces = held_out[:, : schedule.crop].to(device)
            values |= validate(student, decoder, pieces, attacks, schedule.ratio)
        return loss, values

    return train(learnt, optimiser, step, schedule, checkpoint)
