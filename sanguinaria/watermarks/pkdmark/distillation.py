"""Knowledge distillation of PKDMark's student, a smaller encoder, from a teacher, whose decoder serves both (section
III-C).

Progressive distillation mixes their marks, from mostly the teacher's to the student's alone, while only the student is
trained; then student and decoder are trained together. Direct distillation, which the paper compares it with, has the
student's mark alone, and trains both from the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn
from torch.nn.functional import mse_loss

from sanguinaria.core import devices
from sanguinaria.distortions._attack_layer import AttackLayer
from sanguinaria.nn.speech_crops import random_crops
from sanguinaria.nn.step_training import Schedule, TrainingState, is_checkpoint_step, set_learning_rate, train
from sanguinaria.watermarks._invertible.discriminator import Discriminator
from sanguinaria.watermarks._invertible.validation import bit_error_rate, random_messages
from sanguinaria.watermarks._pkdmark.losses import LossWeights, decoding_loss, unmarked_loss
from sanguinaria.watermarks._pkdmark.network import PkdNetwork
from sanguinaria.watermarks._pkdmark.validation import validate

Distillation = Literal["progressive", "direct"]
# α at the start (section IV-A: "linearly increased from 0.1 to 1 over 40k steps").
INITIAL_ALPHA = 0.1


@dataclass(frozen=True)
class Teacher:
    """A trained network and its discriminator, if there is one; neither is trained further."""

    network: PkdNetwork
    discriminator: Discriminator | None


@dataclass(frozen=True, kw_only=True)
class StudentSchedule(Schedule):
    """Schedule of a student's training, of ``steps`` in all.

    Attributes:
        distillation: with ``direct``, α is 1 from the start.
        progressive_steps: steps over which α rises.
        ratio: signal-to-watermark ratio of each mark, in dB; ``None`` where the networks determine it.
    """

    distillation: Distillation
    progressive_steps: int
    ratio: float | None

    def alpha(self, step: int) -> float:
        """Return α(n) of Eq. 7, the student's share of the mixed mark."""
        if self.distillation == "direct" or step >= self.progressive_steps:
            return 1.0
        return INITIAL_ALPHA + (1 - INITIAL_ALPHA) * step / self.progressive_steps


@dataclass(frozen=True, kw_only=True)
class StudentTraining:
    """Training of a student and its decoder.

    Attributes:
        student: the encoder.
        decoder: initially the teacher's; it is trained only where α is 1.
        teacher: the target of the student's marks. The encoder of Eq. 8 and the discriminator are those of the first
            stage to the end, as a target that is trained along would move.
        waveforms: speech on the CPU, (utterances, samples).
        held_out: speech for validation, likewise; it may be empty.
        weights: of Eq. 11.
        attacks: the attack layer between encoder and decoder.
        schedule: of the training.
        device: where it is computed.
    """

    student: PkdNetwork
    decoder: PkdNetwork
    teacher: Teacher
    waveforms: torch.Tensor
    held_out: torch.Tensor
    weights: LossWeights
    attacks: AttackLayer
    schedule: StudentSchedule
    device: torch.device

    def run(self, checkpoint: Path) -> list[dict[str, float]]:
        """Train student and decoder in place, or resume from a checkpoint of the same training.

        Args:
            checkpoint: path of the training's state.

        Returns:
            The history: the mean of each loss and of α over an interval of steps and, of ``held_out``, the validation's
            values.

        Raises:
            InputError: the utterances are shorter than a chunk.
        """
        trained = nn.ModuleDict({"student": self.student, "decoder": self.decoder}).to(self.device)
        self.teacher.network.to(self.device).eval().requires_grad_(False)
        if self.teacher.discriminator is not None:
            self.teacher.discriminator.to(self.device).eval()
        optimiser = torch.optim.Adam(trained.parameters(), self.schedule.learning_rate, fused=True)

        def step(progress: TrainingState, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
            set_learning_rate(optimiser, self.schedule, progress["step"])
            return self._step(progress["step"], random)

        return train(trained, optimiser, step, self.schedule, checkpoint)

    def _step(self, taken: int, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss of the step after so many steps, and the values to log."""
        alpha = self.schedule.alpha(taken)
        self.decoder.requires_grad_(alpha == 1.0)
        speech = random_crops(self.waveforms, self.schedule.batch_size, self.schedule.crop, random).to(self.device)
        messages = random_messages(len(speech), self.student.bits, random).to(self.device)
        student_marks, teacher_marks = self._marks(speech, messages)
        # Eq. 7 mixes spectra; synthesis is linear, so a mixture of the waveforms is the same.
        mixed = speech + alpha * student_marks + (1 - alpha) * teacher_marks
        attacked = self.attacks(mixed, random)
        with devices.network_arithmetic(self.schedule.precision, self.device):
            decoded = self.decoder.decode(attacked)
        decoding = decoding_loss(messages, decoded)
        if self.weights.unmarked and alpha == 1.0:
            decoding = decoding + self.weights.unmarked * self._unmarked(speech[: len(speech) // 2], random)
        losses = {
            "decoding": decoding,
            "perceptual": mse_loss(student_marks, teacher_marks),
            **self._adversarial_loss(speech + student_marks),
        }
        values = {name: float(each.detach()) for name, each in losses.items()}
        values |= {"bit_error_rate": bit_error_rate(decoded > 0.5, messages), "alpha": alpha}
        return self._total(losses), values | self._validation(taken + 1)

    def _unmarked(self, speech: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        """The loss of unmarked speech, which only the decoder has."""
        attacked = self.attacks(speech, random)
        with devices.network_arithmetic(self.schedule.precision, self.device):
            return unmarked_loss(self.decoder.decode(attacked))

    def _marks(self, speech: torch.Tensor, messages: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The student's and the teacher's."""
        with devices.network_arithmetic(self.schedule.precision, self.device):
            student_marks = self.student.mark(speech, messages, self.schedule.ratio)
            return student_marks, self.teacher.network.mark(speech, messages, self.schedule.ratio)

    def _adversarial_loss(self, marked: torch.Tensor) -> dict[str, torch.Tensor]:
        """Eq. 10, where there is a discriminator and a weight."""
        if self.teacher.discriminator is None or not self.weights.adversarial:
            return {}
        with devices.network_arithmetic(self.schedule.precision, self.device):
            return {"adversarial": self.teacher.discriminator.non_saturating_loss(marked)}

    def _total(self, losses: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Eq. 11."""
        loss = self.weights.decoding * losses["decoding"] + self.weights.perceptual * losses["perceptual"]
        if "adversarial" in losses:
            loss = loss + self.weights.adversarial * losses["adversarial"]
        return loss

    def _validation(self, taken: int) -> dict[str, float]:
        if not is_checkpoint_step(taken, self.schedule.steps) or not len(self.held_out):
            return {}
        chunks = self.held_out[:, : self.schedule.crop].to(self.device)
        return validate(self.student, self.decoder, chunks, self.attacks, self.schedule.ratio)
