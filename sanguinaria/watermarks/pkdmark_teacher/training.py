"""Training of PKDMark's teacher (section III-B2): encoder, attack layer, decoder and discriminator.

The paper's weights are constant. A small network learns sooner by a curriculum: marks are strong and undistorted at
first. Once messages are decoded, distortions begin, and marks weaken while messages are decoded all the same, by the
weight of the perceptual loss or by a signal-to-watermark ratio.
"""

from __future__ import annotations

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
from sanguinaria.watermarks._invertible.curriculum import advance, initial_progress, perceptual_factor, ratio_at
from sanguinaria.watermarks._invertible.discriminator import Discriminator
from sanguinaria.watermarks._invertible.validation import bit_error_rate, random_messages
from sanguinaria.watermarks._pkdmark.losses import LossWeights, decoding_loss
from sanguinaria.watermarks._pkdmark.network import PkdNetwork
from sanguinaria.watermarks._pkdmark.validation import validate
from sanguinaria.watermarks.pkdmark_teacher.losses import multi_scale_stft_loss

Perceptual = Literal["multi_scale", "l2"]
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
    """

    ratios: tuple[float, float] | None
    curriculum: bool


def train_teacher(
    network: PkdNetwork,
    *,
    discriminator: Discriminator | None,
    waveforms: torch.Tensor,
    held_out: torch.Tensor,
    perceptual: Perceptual,
    weights: LossWeights,
    attacks: AttackLayer,
    schedule: TeacherSchedule,
    checkpoint: Path,
    device: torch.device,
) -> list[dict[str, float]]:
    """Train a network in place, or resume from a checkpoint of the same training.

    Args:
        network: for chunks of ``schedule.crop`` samples.
        discriminator: trained with the network; ``None`` for none.
        waveforms: speech on the CPU, (utterances, samples).
        held_out: speech for validation, likewise; it may be empty.
        perceptual: Eq. 2 or, in its place, the mean squared error of the waveform.
        weights: of Eq. 6.
        attacks: the attack layer between encoder and decoder.
        schedule: of the training.
        checkpoint: path of the training's state.
        device: where it is computed.

    Returns:
        The history: the mean of each loss over an interval of steps and, of ``held_out``, the validation's values.

    Raises:
        InputError: the utterances are shorter than a chunk.
    """
    trained = nn.ModuleDict({"network": network})
    if discriminator is not None:
        trained["discriminator"] = discriminator
    trained.to(device)
    optimiser = torch.optim.Adam(trained.parameters(), schedule.learning_rate, fused=True)
    perceptual_loss = multi_scale_stft_loss if perceptual == "multi_scale" else mse_loss

    def step(progress: TrainingState, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        set_learning_rate(optimiser, schedule, progress["step"])
        speech = random_crops(waveforms, schedule.batch_size, schedule.crop, random).to(device)
        messages = random_messages(len(speech), network.bits, random).to(device)
        with devices.network_arithmetic(schedule.precision, device):
            marked = speech + network.mark(speech, messages, ratio_at(schedule.ratios, progress["curriculum"]))
        applies_attacks = progress["attacks"] or not schedule.curriculum
        attacked = attacks(marked, random) if applies_attacks else marked
        with devices.network_arithmetic(schedule.precision, device):
            features = network.decode_features(attacked)
        decoded = network.decode_message(features)
        losses = {
            "decoding": decoding_loss(messages, decoded, network.encode_features(messages), features, weights.features),
            "perceptual": perceptual_loss(speech, marked),
        }
        factor = perceptual_factor(progress, schedule.curriculum)
        loss = weights.decoding * losses["decoding"] + weights.perceptual * factor * losses["perceptual"]
        if discriminator is not None:
            with devices.network_arithmetic(schedule.precision, device):
                losses["adversarial"] = discriminator.non_saturating_loss(marked)
            # In a block of its own: autocast reuses the weights that it has converted, which are frozen above.
            with devices.network_arithmetic(schedule.precision, device):
                losses["discriminator"] = discriminator.discriminator_loss(speech, marked)
            loss = loss + weights.adversarial * factor * losses["adversarial"] + losses["discriminator"]
        values = {name: float(each.detach()) for name, each in losses.items()}
        values |= {"bit_error_rate": bit_error_rate(decoded > 0.5, messages), "curriculum": progress["curriculum"]}
        message_loss = float(decoding_loss(messages, decoded.detach()))
        progress["attacks"] |= advance(progress, message_loss, MESSAGE_LOSS_THRESHOLD, schedule.steps)
        if is_checkpoint_step(progress["step"] + 1, schedule.steps) and len(held_out):
            chunks = held_out[:, : schedule.crop].to(device)
            ratio = ratio_at(schedule.ratios, progress["curriculum"])
            values |= validate(network, network, chunks, attacks, ratio)
        return loss, values

    return train(trained, optimiser, step, schedule, checkpoint, initial_progress(CHANCE) | {"attacks": False})
