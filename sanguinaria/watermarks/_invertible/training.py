"""Training a keyed network: WAKE's strategy (section 2.3.2), from loud marks to quiet ones.

Each step embeds once, or twice with two keys, edits the result and reads every message with its key (Eq. 4 and 5). Two
things make it train on one core, where a schedule is gradual: a mark is loud at first, and gets quieter only while
messages are read; and a wrong key's terms are left out until then, as they are met by reading nothing at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from sanguinaria.distortions._attack_layer import AttackLayer
from sanguinaria.nn.speech_crops import random_crops
from sanguinaria.nn.step_training import Schedule, TrainingState, is_checkpoint_step, set_learning_rate, train
from sanguinaria.watermarks._audioseal.training import LOSS_THRESHOLD as READ
from sanguinaria.watermarks._invertible.curriculum import advance, begun, perceptual_share, ratio_at
from sanguinaria.watermarks._invertible.discriminator import Discriminator
from sanguinaria.watermarks._invertible.keys import Key, RandomKeys, different_keys, neighbours
from sanguinaria.watermarks._invertible.losses import Accuracy, Perceptual
from sanguinaria.watermarks._invertible.network import KeyedNetwork

# Seeds of validation's own random numbers, which training does not share.
VALIDATION_SEED = 1


@dataclass(frozen=True)
class KeyedSchedule(Schedule):
    """How a keyed network is trained.

    Attributes:
        twice: share of the steps that embed twice.
        ratios: dB, of a piece to its mark at the start and at the end; ``None`` where the network decides.
        near_keys: share of the utterances whose wrong key differs from the right one in one block alone.
        gradual: whether the perceptual terms' weight grows while messages are read
        (:mod:`sanguinaria.watermarks._invertible.curriculum`), and a
            wrong key's terms are left out until they are; the paper's weights are constant.
    """

    twice: float
    ratios: tuple[float, float] | None
    gradual: bool
    near_keys: float = 0.0


@dataclass(frozen=True)
class Objective:
    """The losses and their weights: w_t1 of the perceptual terms, w_p2 of the discriminator's within, w_t2 of Eq. 4."""

    perceptual: Perceptual
    accuracy: Accuracy
    perceptual_weight: float
    adversarial_weight: float
    accuracy_weight: float


def train_keyed(
    network: KeyedNetwork,
    random_keys: RandomKeys,
    waveforms: torch.Tensor,
    held_out: torch.Tensor,
    objective: Objective,
    attacks: AttackLayer,
    schedule: KeyedSchedule,
    checkpoint: Path,
    device: torch.device,
) -> list[dict[str, float]]:
    """Train in place, or go on from a checkpoint of the same training.

    Args:
        network: marks and reads pieces of ``schedule.crop`` samples.
        random_keys: draws keys.
        waveforms: speech (utterances, samples), on the CPU.
        held_out: speech that is looked at for the history alone, likewise; there may be none.
        objective: the losses.
        attacks: what happens to marked audio before it is read.
        schedule: of the training.
        checkpoint: where the state is kept.
        device: where it is computed.

    Returns:
        The history: for every so many steps the mean of each loss and, of ``held_out``, the validation's numbers.

    Raises:
        InputError: the utterances are shorter than a piece.
    """
    learnt = nn.ModuleDict({"network": network})
    if objective.adversarial_weight:
        learnt["discriminator"] = _seeded(schedule.seed)
    learnt.to(device)
    # Fused, as in the training of other generators.
    optimiser = torch.optim.Adam(learnt.parameters(), schedule.learning_rate, fused=True)
    step_of = _Step(network, learnt, random_keys, objective, attacks, schedule, device)

    def step(progress: TrainingState, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        set_learning_rate(optimiser, schedule, progress["step"])
        loss, values = step_of(
            random_crops(waveforms, schedule.batch_size, schedule.crop, random).to(device), progress, random
        )
        advance(progress, values["message"], READ, schedule.steps)
        if len(held_out) and is_checkpoint_step(progress["step"] + 1, schedule.steps):
            pieces = held_out[:, : schedule.crop].to(device)
            values |= validate(network, random_keys, pieces, ratio_at(schedule.ratios, progress["quality"]))
        return loss, values

    return train(learnt, optimiser, step, schedule, checkpoint, begun(1.0))


def validate(
    network: KeyedNetwork, random_keys: RandomKeys, pieces: torch.Tensor, ratio: float | None
) -> dict[str, float]:
    """Bit error rates of the right and of a wrong key, of the first of two marks, and the mark's level in dB."""
    random = torch.Generator().manual_seed(VALIDATION_SEED)
    device, count = pieces.device, len(pieces)
    with torch.no_grad():
        drawn: list[Key] = []
        for _ in range(3):
            drawn.append(different_keys(random_keys, drawn, count, random))
        keys = [key.to(device) for key in drawn]
        messages = [torch.randint(2, (count, network.bits), generator=random).to(device) for _ in range(2)]
        once = pieces + network.mark(pieces, messages[0], keys[0], ratio)
        twice = once + network.mark(once, messages[1], keys[1], ratio)
        noise = (once - pieces).square().sum()
        return {
            "validation_bit_error_rate": errors(network.read(once, keys[0]), messages[0]),
            "validation_wrong_key_bit_error_rate": errors(network.read(once, keys[2]), messages[0]),
            "validation_first_of_two_bit_error_rate": errors(network.read(twice, keys[0]), messages[0]),
            "validation_second_of_two_bit_error_rate": errors(network.read(twice, keys[1]), messages[1]),
            "validation_snr": float(10 * torch.log10(pieces.square().sum() / noise.clamp(min=1e-12))),
        }


def errors(logits: torch.Tensor, messages: torch.Tensor) -> float:
    """The share of the bits that are read wrong."""
    return float(((logits > 0) != (messages > 0)).float().mean())


class _Step:
    """The loss of one batch of speech, Eq. 4 or 5, and its parts by name."""

    def __init__(
        self,
        network: KeyedNetwork,
        learnt: nn.ModuleDict,
        random_keys: RandomKeys,
        objective: Objective,
        attacks: AttackLayer,
        schedule: KeyedSchedule,
        device: torch.device,
    ) -> None:
        self.network, self.random_keys, self.objective = network, random_keys, objective
        self.attacks, self.schedule, self.device = attacks, schedule, device
        self.discriminator = next((part for part in learnt.children() if isinstance(part, Discriminator)), None)

    def __call__(
        self, speech: torch.Tensor, progress: TrainingState, random: torch.Generator
    ) -> tuple[torch.Tensor, dict[str, float]]:
        times = 2 if torch.rand((), generator=random) < self.schedule.twice else 1
        ratio = ratio_at(self.schedule.ratios, progress["quality"])
        keys: list[Key] = []
        embedded, marked = [], [speech]
        for _ in range(times):
            messages = torch.randint(2, (len(speech), self.network.bits), generator=random).to(self.device)
            keys.append(different_keys(self.random_keys, keys, len(speech), random))
            key = keys[-1].to(self.device)
            marked.append(marked[-1] + self.network.mark(marked[-1], messages, key, ratio))
            embedded.append((messages, key))
        heard = self.attacks(marked[-1], random)
        wrong_key = self._wrong_key(keys, len(speech), random).to(self.device)
        asked = self.objective.accuracy.hears_wrong_keys and (progress["read"] < READ or not self.schedule.gradual)
        wrong = self.network.read(heard, wrong_key) if asked else None
        accuracy = self._accuracy(heard, embedded, wrong)
        perceptual, adversarial, judged = self._perceptual(speech, marked[1:])
        objective = self.objective
        share = perceptual_share(progress, self.schedule.gradual)
        heard_of_it = share * (perceptual + objective.adversarial_weight * adversarial)
        misread = accuracy["message"] + accuracy["wrong_key"]
        loss = objective.perceptual_weight * heard_of_it + objective.accuracy_weight * misread
        parts = {**accuracy, "perceptual": perceptual, "adversarial": adversarial, "discriminator": judged}
        told = {name: float(part.detach()) / times for name, part in parts.items()}
        return loss + judged, {**told, "quality": progress["quality"]}

    def _wrong_key(self, keys: list[Key], utterances: int, random: torch.Generator) -> Key:
        """For some utterances a key that differs from the first in one block: or a block may have no say."""
        others = different_keys(self.random_keys, keys, utterances, random)
        if not self.schedule.near_keys:
            return others
        near = neighbours(keys[0], others, random)
        wanted = torch.rand(utterances, generator=random) < self.schedule.near_keys
        return others.replaced(wanted & ~torch.stack([near.same(key) for key in keys]).any(0), near)

    def _accuracy(
        self,
        heard: torch.Tensor,
        embedded: list[tuple[torch.Tensor, Key]],
        wrong: torch.Tensor | None,
    ) -> dict[str, torch.Tensor]:
        """Sums over the messages, of which there are one or two, and what one wrong key reads stands against each."""
        sums: dict[str, torch.Tensor] = {}
        for messages, key in embedded:
            found = self.objective.accuracy(messages, self.network.read(heard, key), wrong)
            sums = {name: sums.get(name, 0) + part for name, part in found.items()}
        return sums

    def _perceptual(self, speech: torch.Tensor, marked: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Perceptual and adversarial loss, sums over the embeddings, and the discriminator's own."""
        perceptual = torch.stack([self.objective.perceptual(speech, each) for each in marked]).sum()
        if self.discriminator is None:
            return perceptual, perceptual.new_zeros(()), perceptual.new_zeros(())
        adversarial = torch.stack([self.discriminator.deceived(each) for each in marked]).sum()
        return perceptual, adversarial, self.discriminator.judged(speech, marked[-1])


def _seeded(seed: int) -> Discriminator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Discriminator()
