"""Training PKDMark's teacher (section III-B2): encoder, attack layer, decoder, with a discriminator.

The paper's weights are constant. A small network learns sooner where marks are loud and undistorted at first. Once they
are read, distortions begin, and marks get quieter while they are read all the same, by the weight of the perceptual
loss, or by a ratio that marks are brought to.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn
from torch.nn.functional import mse_loss

from sanguinaria.distortions import distort
from sanguinaria.distortions._attack_layer import AttackLayer
from sanguinaria.nn.speech_crops import random_crops
from sanguinaria.nn.step_training import Schedule, TrainingState, is_checkpoint_step, set_learning_rate, train
from sanguinaria.watermarks._invertible.curriculum import advance, begun, perceptual_share, ratio_at
from sanguinaria.watermarks._invertible.discriminator import Discriminator
from sanguinaria.watermarks._pkdmark.losses import decoding, multi_scale_stft, undetected
from sanguinaria.watermarks._pkdmark.network import MarkNetwork

Perceptual = Literal["multi_scale", "l2"]
# The quality rises only while the running mean of the squared error of m̂ is below this; chance is 0.25.
READ = 0.12
# Seeds of validation's own random numbers, which training does not share.
VALIDATION_SEED = 1


@dataclass(frozen=True)
class Weights:
    """λ_p, λ_d and λ_a of Eq. 6 or 11, and λ of the maps in Eq. 3."""

    perceptual: float
    decoding: float
    adversarial: float
    features: float = 0.0


@dataclass(frozen=True)
class TeacherSchedule(Schedule):
    """How a teacher is trained.

    Attributes:
        ratios: dB, of a piece to its mark at the start and at the end; ``None`` where the network decides.
        gradual: whether distortions begin when messages are read for the first time, and the perceptual and the
            adversarial loss rise from :data:`sanguinaria.watermarks._invertible.curriculum.LEAST_QUALITY` on while
            they are.
    """

    ratios: tuple[float, float] | None
    gradual: bool


def train_teacher(
    network: MarkNetwork,
    discriminator: Discriminator | None,
    waveforms: torch.Tensor,
    held_out: torch.Tensor,
    perceptual: Perceptual,
    weights: Weights,
    attacks: AttackLayer,
    schedule: TeacherSchedule,
    checkpoint: Path,
    device: torch.device,
) -> list[dict[str, float]]:
    """Train in place, or go on from a checkpoint of the same training.

    Args:
        network: marks and reads pieces of ``schedule.crop`` samples.
        discriminator: learns along; ``None`` for none.
        waveforms: speech (utterances, samples), on the CPU.
        held_out: speech that is looked at for the history alone, likewise; there may be none.
        perceptual: Eq. 2, or, in its place, the mean squared error of the waveform.
        weights: of Eq. 6.
        attacks: between marking and reading.
        schedule: of the training.
        checkpoint: where the state is kept.
        device: where it is computed.

    Returns:
        The history: for every so many steps the mean of each loss and, of ``held_out``, the validation's numbers.

    Raises:
        InputError: the utterances are shorter than a piece.
    """
    learnt = nn.ModuleDict({"network": network})
    if discriminator is not None:
        learnt["discriminator"] = discriminator
    learnt.to(device)
    optimiser = torch.optim.Adam(learnt.parameters(), schedule.learning_rate, fused=True)
    distance = multi_scale_stft if perceptual == "multi_scale" else mse_loss

    def step(progress: TrainingState, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        set_learning_rate(optimiser, schedule, progress["step"])
        speech = random_crops(waveforms, schedule.batch_size, schedule.crop, random).to(device)
        messages = random_messages(len(speech), network.bits, random).to(device)
        ratio = ratio_at(schedule.ratios, progress["quality"])
        marked = speech + network.mark(speech, messages, ratio)
        attacked = progress["attacked"] or not schedule.gradual
        recovered = network.recover(attacks(marked, random) if attacked else marked)
        found = network.interpret(recovered)
        parts = {
            "decoding": decoding(messages, found, network.features(messages), recovered, weights.features),
            "perceptual": distance(speech, marked),
        }
        quality = perceptual_share(progress, schedule.gradual)
        loss = weights.decoding * parts["decoding"] + weights.perceptual * quality * parts["perceptual"]
        if discriminator is not None:
            parts["adversarial"] = undetected(discriminator, marked)
            parts["discriminator"] = discriminator.judged(speech, marked)
            loss = loss + weights.adversarial * quality * parts["adversarial"] + parts["discriminator"]
        values = {name: float(part.detach()) for name, part in parts.items()}
        values |= {"bit_error_rate": errors(found, messages), "quality": progress["quality"]}
        progress["attacked"] |= advance(progress, float(decoding(messages, found.detach())), READ, schedule.steps)
        if is_checkpoint_step(progress["step"] + 1, schedule.steps) and len(held_out):
            pieces = held_out[:, : schedule.crop].to(device)
            values |= validate(network, network, pieces, attacks, ratio_at(schedule.ratios, progress["quality"]))
        return loss, values

    return train(learnt, optimiser, step, schedule, checkpoint, begun(0.25) | {"attacked": False})


def validate(
    encoder: MarkNetwork, decoder: MarkNetwork, pieces: torch.Tensor, attacks: AttackLayer, ratio: float | None
) -> dict[str, float]:
    """Bit error rates, undistorted and as a mean over the attacks, and the mark's level in dB."""
    random = torch.Generator().manual_seed(VALIDATION_SEED)
    messages = random_messages(len(pieces), encoder.bits, random).to(pieces.device)
    with torch.no_grad():
        mark = encoder.mark(pieces, messages, ratio)
        rates = [
            errors(decoder.read(distort(attack, pieces + mark, attacks.sample_rate, random)), messages)
            for attack in attacks.distortions
        ]
        plain = errors(decoder.read(pieces + mark), messages)
        noise = mark.square().sum().clamp(min=1e-12)
        return {
            "validation_bit_error_rate": plain,
            "validation_distorted_bit_error_rate": sum(rates) / len(rates) if rates else plain,
            "validation_snr": float(10 * torch.log10(pieces.square().sum() / noise)),
        }


def random_messages(count: int, bits: int, generator: torch.Generator) -> torch.Tensor:
    """(count, bits) of 0 and 1."""
    return torch.randint(2, (count, bits), generator=generator)


def errors(found: torch.Tensor, messages: torch.Tensor) -> float:
    """The share of the bits that are read wrong, of m̂ and m (utterances, bits)."""
    return float(((found > 0.5) != (messages > 0)).float().mean())
