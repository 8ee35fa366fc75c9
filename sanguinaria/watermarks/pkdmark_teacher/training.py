"""Training of PKDMark's teacher (section III-B2): encoder, attack layer, decoder and discriminator.

The paper's weights are constant. A small network learns sooner by a curriculum: marks are strong and undistorted at
first. Once messages are decoded, distortions begin, and marks weaken while messages are decoded all the same, by the
weight of the perceptual loss or by a signal-to-watermark ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import torch
from torch import nn
from torch.nn.functional import mse_loss

from sanguinaria.core import devices
from sanguinaria.distortions._attack_layer import AttackLayer
from sanguinaria.nn.speech_crops import random_crops
from sanguinaria.nn.step_training import Schedule, TrainingState, is_checkpoint_step, set_learning_rate, train
from sanguinaria.watermarks._audibility import audibility
from sanguinaria.watermarks._invertible.curriculum import (
    advance,
    initial_progress,
    perceptual_factor,
    ratio_at,
)
from sanguinaria.watermarks._invertible.discriminator import Discriminator
from sanguinaria.watermarks._invertible.validation import bit_error_rate, random_messages
from sanguinaria.watermarks._pkdmark.losses import LossWeights, decoding_loss, unmarked_loss
from sanguinaria.watermarks._pkdmark.network import PkdNetwork
from sanguinaria.watermarks._pkdmark.validation import validate
from sanguinaria.watermarks.pkdmark_teacher.losses import multi_scale_stft_loss

Perceptual = Literal["multi_scale", "l2", "audibility"]
# Messages count as decoded while the running mean of the squared error of m̂ is below this.
MESSAGE_LOSS_THRESHOLD = 0.12
# The squared error of m̂ at chance, ½.
CHANCE = 0.25


@dataclass(frozen=True, kw_only=True)
class TeacherSchedule(Schedule):
    """Schedule of a teacher's training.

    Attributes:
        ratios: signal-to-watermark ratio at the start and at the end, in dB; ``None`` where the network determines it.
        curriculum: whether distortions begin when messages are decoded for the first time, and the perceptual and the
            adversarial loss gain weight while they are (:mod:`sanguinaria.watermarks._invertible.curriculum`).
        error_bound: bit error rate below which they do so instead, and above which they lose weight.
    """

    ratios: tuple[float, float] | None
    curriculum: bool
    error_bound: float | None = None


@dataclass(frozen=True, kw_only=True)
class TeacherTraining:
    """Training of a teacher.

    Attributes:
        network: for chunks of ``schedule.crop`` samples.
        discriminator: trained with the network; ``None`` for none.
        waveforms: speech on the CPU, (utterances, samples).
        held_out: speech for validation, likewise; it may be empty.
        perceptual: Eq. 2 or, in its place, the mean squared error of the waveform.
        weights: of Eq. 6.
        attacks: the attack layer between encoder and decoder.
        schedule: of the training.
        device: where it is computed.
    """

    network: PkdNetwork
    discriminator: Discriminator | None
    waveforms: torch.Tensor
    held_out: torch.Tensor
    perceptual: Perceptual
    weights: LossWeights
    attacks: AttackLayer
    schedule: TeacherSchedule
    device: torch.device

    def run(self, checkpoint: Path) -> list[dict[str, float]]:
        """Train the network in place, or resume from a checkpoint of the same training.

        Args:
            checkpoint: path of the training's state.

        Returns:
            The history: the mean of each loss over an interval of steps and, of ``held_out``, the validation's values.

        Raises:
            InputError: the utterances are shorter than a chunk.
        """
        trained = nn.ModuleDict({"network": self.network})
        if self.discriminator is not None:
            trained["discriminator"] = self.discriminator
        trained.to(self.device)
        optimiser = torch.optim.Adam(trained.parameters(), self.schedule.learning_rate, fused=True)

        def step(progress: TrainingState, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
            set_learning_rate(optimiser, self.schedule, progress["step"])
            return self._step(progress, random)

        initial = initial_progress(CHANCE) | {"attacks": False}
        return train(trained, optimiser, step, self.schedule, checkpoint, initial)

    def _step(self, progress: TrainingState, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss of the next step and the values to log; the curriculum advances."""
        speech = random_crops(self.waveforms, self.schedule.batch_size, self.schedule.crop, random).to(self.device)
        messages = random_messages(len(speech), self.network.bits, random).to(self.device)
        with devices.network_arithmetic(self.schedule.precision, self.device):
            mark = self.network.mark(speech, messages, ratio_at(self.schedule.ratios, progress["curriculum"]))
            marked = speech + mark
        applies_attacks = progress["attacks"] or not self.schedule.curriculum
        decoded, decoding = self._decoding(self.attacks(marked, random) if applies_attacks else marked, messages)
        if self.weights.unmarked:
            unmarked = speech[: len(speech) // 2]
            decoding = decoding + self._unmarked(self.attacks(unmarked, random) if applies_attacks else unmarked)
        perceptual = self._perceptual(speech, marked)
        losses = {"decoding": decoding, "perceptual": perceptual, **self._adversarial(speech, marked)}
        loss = self._total(losses, perceptual_factor(progress, self.schedule.curriculum))
        values = {name: float(each.detach()) for name, each in losses.items()}
        values |= {"bit_error_rate": bit_error_rate(decoded > 0.5, messages), "curriculum": progress["curriculum"]}
        message_loss = float(decoding_loss(messages, decoded.detach()))
        progress["attacks"] |= advance(
            progress,
            message_loss,
            MESSAGE_LOSS_THRESHOLD,
            self.schedule.steps,
            error_rate=values["bit_error_rate"],
            bound=self.schedule.error_bound,
        )
        return loss, values | self._validation(progress)

    @cached_property
    def _audibility(self) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        """The disturbance by a mark in speech."""
        return audibility(self.attacks.sample_rate, self.device)

    def _perceptual(self, speech: torch.Tensor, marked: torch.Tensor) -> torch.Tensor:
        """Eq. 2, or what takes its place."""
        if self.perceptual == "audibility":
            return self._audibility(marked - speech, speech)
        return multi_scale_stft_loss(speech, marked) if self.perceptual == "multi_scale" else mse_loss(speech, marked)

    def _unmarked(self, attacked: torch.Tensor) -> torch.Tensor:
        """The weighted loss of unmarked speech."""
        with devices.network_arithmetic(self.schedule.precision, self.device):
            return self.weights.unmarked * unmarked_loss(self.network.decode(attacked))

    def _decoding(self, attacked: torch.Tensor, messages: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The decoded message, and Eq. 3."""
        with devices.network_arithmetic(self.schedule.precision, self.device):
            features = self.network.decode_features(attacked)
        decoded = self.network.decode_message(features)
        embedded = self.network.encode_features(messages)
        return decoded, decoding_loss(messages, decoded, embedded, features, self.weights.features)

    def _adversarial(self, speech: torch.Tensor, marked: torch.Tensor) -> dict[str, torch.Tensor]:
        """Eq. 5 and the discriminator's own loss, where there is one."""
        if self.discriminator is None:
            return {}
        with devices.network_arithmetic(self.schedule.precision, self.device):
            adversarial = self.discriminator.non_saturating_loss(marked)
        # In a block of its own: autocast reuses the weights that it has converted, which are frozen above.
        with devices.network_arithmetic(self.schedule.precision, self.device):
            return {
                "adversarial": adversarial,
                "discriminator": self.discriminator.discriminator_loss(speech, marked),
            }

    def _total(self, losses: Mapping[str, torch.Tensor], factor: float) -> torch.Tensor:
        """Eq. 6, with the curriculum's factor of what keeps the mark inaudible, and the discriminator's own loss."""
        loss = self.weights.decoding * losses["decoding"] + self.weights.perceptual * factor * losses["perceptual"]
        if "adversarial" in losses:
            loss = loss + self.weights.adversarial * factor * losses["adversarial"] + losses["discriminator"]
        return loss

    def _validation(self, progress: TrainingState) -> dict[str, float]:
        if not is_checkpoint_step(progress["step"] + 1, self.schedule.steps) or not len(self.held_out):
            return {}
        chunks = self.held_out[:, : self.schedule.crop].to(self.device)
        ratio = ratio_at(self.schedule.ratios, progress["curriculum"])
        return validate(self.network, self.network, chunks, self.attacks, ratio)
