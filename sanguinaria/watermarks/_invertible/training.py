"""Training of a keyed network: WAKE's strategy (section 2.3.2), optionally with a curriculum from strong to weak marks.

Each step embeds once, or twice with two keys, distorts the result and decodes every message with its key (Eq. 4 and 5).
With a curriculum it trains on one core. A mark is strong at first, and weakens only while messages are decoded. A wrong
key's terms are left out until then, as a network that decodes nothing would satisfy them.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from sanguinaria.core import devices
from sanguinaria.distortions._attack_layer import AttackLayer
from sanguinaria.nn.speech_crops import random_crops
from sanguinaria.nn.step_training import Schedule, TrainingState, is_checkpoint_step, set_learning_rate, train
from sanguinaria.watermarks._invertible.curriculum import (
    advance,
    initial_progress,
    perceptual_factor,
    ratio_at,
)
from sanguinaria.watermarks._invertible.discriminator import Discriminator
from sanguinaria.watermarks._invertible.keys import Key, KeySampler, near_keys, sample_distinct_keys
from sanguinaria.watermarks._invertible.losses import AccuracyLoss, PerceptualLoss
from sanguinaria.watermarks._invertible.network import KeyedNetwork
from sanguinaria.watermarks._invertible.validation import (
    VALIDATION_SEED,
    bit_error_rate,
    random_messages,
    signal_to_watermark_ratio,
)

# Messages count as decoded while the running mean of their binary cross-entropy is below this; chance is ln 2.
MESSAGE_LOSS_THRESHOLD = 0.35


@dataclass(frozen=True, kw_only=True)
class KeyedSchedule(Schedule):
    """Schedule of a keyed network's training.

    Attributes:
        double_embedding_share: share of the steps that embed two watermarks.
        ratios: signal-to-watermark ratio at the start and at the end, in dB; ``None`` where the network determines it.
        curriculum: whether the perceptual terms' weight grows while messages are decoded
            (:mod:`sanguinaria.watermarks._invertible.curriculum`), and a wrong key's terms are left out until they
            are; the paper's weights are constant.
        error_bound: bit error rate below which that weight grows instead, and above which it falls.
        near_key_share: share of the utterances whose wrong key differs from the right one in one block alone.
    """

    double_embedding_share: float
    ratios: tuple[float, float] | None
    curriculum: bool
    near_key_share: float = 0.0
    error_bound: float | None = None


@dataclass(frozen=True, kw_only=True)
class Objective:
    """Losses and their weights.

    Attributes:
        perceptual: the perceptual terms but the discriminator's.
        accuracy: Eq. 3.
        perceptual_weight: w_t1 of Eq. 4.
        adversarial_weight: w_p2 of Eq. 2.
        accuracy_weight: w_t2 of Eq. 4.
    """

    perceptual: PerceptualLoss
    accuracy: AccuracyLoss
    perceptual_weight: float
    adversarial_weight: float
    accuracy_weight: float


def train_keyed(
    network: KeyedNetwork,
    *,
    sample_keys: KeySampler,
    waveforms: torch.Tensor,
    held_out: torch.Tensor,
    objective: Objective,
    attacks: AttackLayer,
    schedule: KeyedSchedule,
    checkpoint: Path,
    device: torch.device,
) -> list[dict[str, float]]:
    """Train a network in place, or resume from a checkpoint of the same training.

    Args:
        network: for chunks of ``schedule.crop`` samples.
        sample_keys: draws keys.
        waveforms: speech on the CPU, (utterances, samples).
        held_out: speech for validation, likewise; it may be empty.
        objective: the losses.
        attacks: the attack layer between embedding and decoding.
        schedule: of the training.
        checkpoint: path of the training's state.
        device: where it is computed.

    Returns:
        The history: the mean of each loss over an interval of steps and, of ``held_out``, the validation's values.

    Raises:
        InputError: the utterances are shorter than a chunk.
    """
    trained = nn.ModuleDict({"network": network})
    if objective.adversarial_weight:
        trained["discriminator"] = _seeded_discriminator(schedule.seed)
    trained.to(device)
    # Fused, as in the training of other generators.
    optimiser = torch.optim.Adam(trained.parameters(), schedule.learning_rate, fused=True)
    training_loss = _TrainingLoss(
        network=network,
        trained=trained,
        sample_keys=sample_keys,
        objective=objective,
        attacks=attacks,
        schedule=schedule,
        device=device,
    )

    def step(progress: TrainingState, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        set_learning_rate(optimiser, schedule, progress["step"])
        speech = random_crops(waveforms, schedule.batch_size, schedule.crop, random).to(device)
        loss, values = training_loss(speech, progress, random)
        advance(
            progress,
            values["message"],
            MESSAGE_LOSS_THRESHOLD,
            schedule.steps,
            error_rate=values["bit_error_rate"],
            bound=schedule.error_bound,
        )
        if len(held_out) and is_checkpoint_step(progress["step"] + 1, schedule.steps):
            chunks = held_out[:, : schedule.crop].to(device)
            values |= validate(network, sample_keys, chunks, ratio_at(schedule.ratios, progress["curriculum"]))
        return loss, values

    return train(trained, optimiser, step, schedule, checkpoint, initial_progress(1.0))


def validate(
    network: KeyedNetwork, sample_keys: KeySampler, chunks: torch.Tensor, ratio: float | None
) -> dict[str, float]:
    """Compute bit error rates of the right and of a wrong key and of two marks, and the signal-to-watermark ratio.

    Args:
        network: on the device of the chunks.
        sample_keys: draws keys.
        chunks: unmarked speech, (utterances, samples).
        ratio: that marks are scaled to, in dB, or ``None``.
    """
    random = torch.Generator().manual_seed(VALIDATION_SEED)
    device, count = chunks.device, len(chunks)
    with torch.no_grad():
        drawn: list[Key] = []
        for _ in range(3):
            drawn.append(sample_distinct_keys(sample_keys, drawn, count, random))
        keys = [key.to(device) for key in drawn]
        messages = [random_messages(count, network.bits, random).to(device) for _ in range(2)]
        single = chunks + network.mark(chunks, messages[0], keys[0], ratio)
        double = single + network.mark(single, messages[1], keys[1], ratio)

        def error_rate(marked: torch.Tensor, key: int, message: int) -> float:
            return bit_error_rate(network.decode(marked, keys[key]) > 0, messages[message])

        return {
            "validation_bit_error_rate": error_rate(single, 0, 0),
            "validation_wrong_key_bit_error_rate": error_rate(single, 2, 0),
            "validation_first_of_two_bit_error_rate": error_rate(double, 0, 0),
            "validation_second_of_two_bit_error_rate": error_rate(double, 1, 1),
            "validation_snr": signal_to_watermark_ratio(chunks, single - chunks),
        }


@dataclass(frozen=True, kw_only=True)
class _TrainingLoss:
    """The loss of one batch of speech, Eq. 4 or 5, and its terms by name."""

    network: KeyedNetwork
    trained: nn.ModuleDict
    sample_keys: KeySampler
    objective: Objective
    attacks: AttackLayer
    schedule: KeyedSchedule
    device: torch.device

    def __call__(
        self, speech: torch.Tensor, progress: TrainingState, random: torch.Generator
    ) -> tuple[torch.Tensor, dict[str, float]]:
        marked, messages, keys = self._embed(speech, progress, random)
        attacked = self.attacks(marked[-1], random)
        wrong_key = self._wrong_key(keys, len(speech), random).to(self.device)
        decodes = progress["message_loss"] < MESSAGE_LOSS_THRESHOLD or not self.schedule.curriculum
        uses_wrong_key = self.objective.accuracy.uses_wrong_keys and decodes
        wrong_key_logits = self._decode(attacked, wrong_key) if uses_wrong_key else None
        accuracy, error_rate = self._accuracy(attacked, messages, keys, wrong_key_logits)
        perceptual, adversarial, discriminator_loss = self._perceptual(speech, marked)
        objective = self.objective
        factor = perceptual_factor(progress, self.schedule.curriculum)
        imperceptibility = factor * (perceptual + objective.adversarial_weight * adversarial)
        accuracy_loss = accuracy["message"] + accuracy["wrong_key"]
        loss = objective.perceptual_weight * imperceptibility + objective.accuracy_weight * accuracy_loss
        terms = {
            **accuracy,
            "perceptual": perceptual,
            "adversarial": adversarial,
            "discriminator": discriminator_loss,
        }
        values = {name: float(term.detach()) / len(marked) for name, term in terms.items()}
        values |= {"bit_error_rate": error_rate, "curriculum": progress["curriculum"]}
        return loss + discriminator_loss, values

    def _embed(
        self, speech: torch.Tensor, progress: TrainingState, random: torch.Generator
    ) -> tuple[list[torch.Tensor], list[torch.Tensor], list[Key]]:
        """Speech after each of one or two embeddings, with the message of each, and its key on the CPU."""
        embeddings = 2 if torch.rand((), generator=random) < self.schedule.double_embedding_share else 1
        ratio = ratio_at(self.schedule.ratios, progress["curriculum"])
        marked: list[torch.Tensor] = []
        messages: list[torch.Tensor] = []
        keys: list[Key] = []
        for _ in range(embeddings):
            host = marked[-1] if marked else speech
            messages.append(random_messages(len(speech), self.network.bits, random).to(self.device))
            keys.append(sample_distinct_keys(self.sample_keys, keys, len(speech), random))
            with self._network_arithmetic():
                marked.append(host + self.network.mark(host, messages[-1], keys[-1].to(self.device), ratio))
        return marked, messages, keys

    def _wrong_key(self, keys: list[Key], utterances: int, random: torch.Generator) -> Key:
        """A wrong key for each utterance, some at distance 1 from the first: otherwise a block may lose its effect."""
        wrong_keys = sample_distinct_keys(self.sample_keys, keys, utterances, random)
        if not self.schedule.near_key_share:
            return wrong_keys
        near = near_keys(keys[0], wrong_keys, random)
        chosen = torch.rand(utterances, generator=random) < self.schedule.near_key_share
        valid = ~torch.stack([near.equals(key) for key in keys]).any(0)
        return wrong_keys.replaced(chosen & valid, near)

    def _accuracy(
        self,
        attacked: torch.Tensor,
        messages: list[torch.Tensor],
        keys: list[Key],
        wrong_key_logits: torch.Tensor | None,
    ) -> tuple[dict[str, torch.Tensor], float]:
        """Sums of the accuracy losses over the embedded messages, each compared with one wrong key's logits, and the
        bit error rate of the right keys.
        """
        sums: dict[str, torch.Tensor] = {}
        error_rates = []
        for message, key in zip(messages, keys, strict=True):
            logits = self._decode(attacked, key.to(self.device))
            error_rates.append(bit_error_rate(logits > 0, message))
            losses = self.objective.accuracy(message, logits, wrong_key_logits)
            sums = {name: sums.get(name, 0) + loss for name, loss in losses.items()}
        return sums, sum(error_rates) / len(error_rates)

    def _perceptual(self, speech: torch.Tensor, marked: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Perceptual and adversarial loss, summed over the embeddings, and the discriminator's own loss."""
        perceptual = torch.stack([self.objective.perceptual(speech, each) for each in marked]).sum()
        if "discriminator" not in self.trained:
            return perceptual, perceptual.new_zeros(()), perceptual.new_zeros(())
        discriminator = self.trained["discriminator"]
        assert isinstance(discriminator, Discriminator)
        with self._network_arithmetic():
            adversarial = torch.stack([discriminator.saturating_loss(each) for each in marked]).sum()
        # In a block of its own: autocast reuses the weights that it has converted, which are frozen above.
        with self._network_arithmetic():
            return perceptual, adversarial, discriminator.discriminator_loss(speech, marked[-1])

    def _decode(self, audio: torch.Tensor, key: Key) -> torch.Tensor:
        """Logits of the bits in audio, (utterances, bits)."""
        with self._network_arithmetic():
            return self.network.decode(audio, key)

    def _network_arithmetic(self) -> AbstractContextManager[None]:
        return devices.network_arithmetic(self.schedule.precision, self.device)


def _seeded_discriminator(seed: int) -> Discriminator:
    """A discriminator with random weights by a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Discriminator()
