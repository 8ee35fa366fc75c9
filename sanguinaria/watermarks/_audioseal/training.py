"""Joint training of a generator and its detector, from scratch.

The scheme is AudioSeal's (arXiv:2401.17264, section 3): the generator's mark is added, the result is augmented, and the
detector is trained to classify marked and unmarked audio and to decode the message. Three measures make it converge on
two cores:

- the mark is scaled to a signal-to-watermark ratio, which starts low and rises only while the message is decoded;
- the message's loss weighs ten times as much as detection's (as in the package's own recipe), or the message is not
  learnt at all;
- in the last part the mark keeps the level at which the generator makes it, which has been trained meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from sanguinaria.core import devices
from sanguinaria.nn.speech_crops import mean_power, random_crops
from sanguinaria.nn.step_training import Schedule, TrainingState, set_learning_rate, train
from sanguinaria.watermarks._audibility import audibility
from sanguinaria.watermarks._audioseal.augmentation import Augmentation
from sanguinaria.watermarks._audioseal.forward import detector_logits, generate_watermark
from sanguinaria.watermarks._audioseal.losses import MESSAGE_WEIGHT, detector_losses, presence
from sanguinaria.watermarks._audioseal.settings import SurrogateSettings
from sanguinaria.watermarks._audioseal.surrogate import Surrogates, surrogate_loss

LEVEL_WEIGHT = 0.5
# The ratio rises only while the running mean of the losses is below this.
LOSS_THRESHOLD = 0.35
# Share of the steps at the end in which the mark is not scaled, and share before those at the final ratio.
UNSCALED_SHARE, FINAL_RATIO_SHARE = 0.15, 0.1
# Share of the steps before those that may pass before the message is decoded at all.
LEARNING_SHARE = 0.45


@dataclass(frozen=True, kw_only=True)
class JointSchedule(Schedule):
    """Schedule and loss weights of a joint training.

    Attributes:
        first_ratio: signal-to-watermark ratio at the start, in dB.
        last_ratio: the same at the end.
        masking_weight: weight of the mark's audibility.
        surrogate_weight: weight of the surrogates' cross-entropy; 0 for no surrogate.
        surrogates: their settings; empty for one with the default front end.
        renewal_period: steps after which one of them is initialised anew; 0 for never.
        low_pass_share: probability of a low-pass filter before the detector.
        cutoffs: Hz, the range of its cut-off frequency.
    """

    first_ratio: float
    last_ratio: float
    masking_weight: float
    surrogate_weight: float
    surrogates: tuple[SurrogateSettings, ...]
    renewal_period: int
    low_pass_share: float
    cutoffs: tuple[float, float]


def train_jointly(
    *,
    generator: nn.Module,
    detector: nn.Module,
    waveforms: torch.Tensor,
    bits: int,
    sample_rate: int,
    schedule: JointSchedule,
    checkpoint: Path,
    device: torch.device,
) -> list[dict[str, float]]:
    """Train a generator and a detector in place, or resume from a checkpoint of the same training.

    Args:
        generator, detector: networks that :func:`sanguinaria.watermarks._audioseal.networks.generate_watermark` and
            ``detector_logits`` take.
        waveforms: speech (utterances, samples), on the CPU.
        bits: length of the message; every crop of speech gets a random message.
        sample_rate: in Hz.
        schedule: of the training.
        checkpoint: file in which the state is kept.
        device: where it computes.

    Returns:
        The history: for every so many steps the mean of each loss, the ratio, and the bit accuracy.

    Raises:
        InputError: the utterances are shorter than the crop.
    """
    networks = nn.ModuleDict({"generator": generator, "detector": detector}).to(device)
    surrogate = None
    if schedule.surrogate_weight:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(schedule.seed)
            networks["surrogate"] = surrogate = Surrogates(sample_rate, device, schedule.surrogates)
    joint_loss = JointLoss(
        generator=generator,
        detector=detector,
        surrogate=surrogate,
        bits=bits,
        sample_rate=sample_rate,
        schedule=schedule,
        device=device,
    )
    optimiser = torch.optim.Adam(networks.parameters(), schedule.learning_rate, fused=True)

    def step(progress: TrainingState, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        set_learning_rate(optimiser, schedule, progress["step"])
        if surrogate is not None:
            surrogate.renew(optimiser, progress["step"], schedule.renewal_period, schedule.seed)
        speech = random_crops(waveforms, schedule.batch_size, schedule.crop, random).to(device)
        loss, values = joint_loss(speech, progress, random)
        raise_ratio(progress, values, schedule)
        return loss, {"ratio_db": progress["ratio"], **values}

    return train(networks, optimiser, step, schedule, checkpoint, {"ratio": schedule.first_ratio, "running_loss": 1.0})


class JointLoss:
    """The loss of one batch of speech: detection, message, level, audibility, and that of the surrogate if any.

    Args:
        generator, detector: as of :func:`train_jointly`.
        surrogate: a classifier of marked and clean speech; ``None`` for none.
        bits: length of the message.
        sample_rate: in Hz.
        schedule: of the training, with the weights of the losses.
        device: where the loss is computed.
    """

    def __init__(
        self,
        *,
        generator: nn.Module,
        detector: nn.Module,
        surrogate: nn.Module | None,
        bits: int,
        sample_rate: int,
        schedule: JointSchedule,
        device: torch.device,
    ) -> None:
        self.generator, self.detector, self.surrogate = generator, detector, surrogate
        self.bits, self.schedule, self.device = bits, schedule, device
        self.augmentation = Augmentation(schedule.low_pass_share, schedule.cutoffs, sample_rate, device)
        self.audibility = audibility(sample_rate, device)

    def __call__(
        self, speech: torch.Tensor, progress: TrainingState, random: torch.Generator
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Compute the loss of speech (utterances, samples), and the value of each of its parts."""
        schedule, ratio = self.schedule, progress["ratio"]
        messages = torch.randint(2, (len(speech), self.bits), generator=random).to(self.device)
        with devices.network_arithmetic(schedule.precision, self.device):
            marks = generate_watermark(self.generator, speech, messages, schedule.window)
        # One gain for the batch: the generator learns the level of each mark relative to its own speech.
        gain = 10 ** (-ratio / 20) * (mean_power(speech).mean() / mean_power(marks).mean()).sqrt()
        level_error = gain.log10() * 2  # in units of 10 dB
        if progress["step"] < (1 - UNSCALED_SHARE) * schedule.steps:
            marks = marks * gain
        augmented = self.augmentation(torch.cat([speech + marks, speech]), random)
        with devices.network_arithmetic(schedule.precision, self.device):
            logits = detector_logits(self.detector, augmented, schedule.window)
            surrogate_logits = None if self.surrogate is None else self.surrogate(augmented)
        losses = detector_losses(logits, messages)
        bit_accuracy = losses.pop("bit_accuracy")
        losses |= {"level": level_error.square(), "audibility": self.audibility(marks, speech)}
        if surrogate_logits is not None:
            losses["surrogate"] = surrogate_loss(surrogate_logits, presence(len(speech), self.device))
        values = {name: float(loss.detach()) for name, loss in losses.items()} | {"bit_accuracy": float(bit_accuracy)}
        weights = self._weights(ratio)
        return sum(weights[name] * loss for name, loss in losses.items()), values  # type: ignore[return-value]

    def _weights(self, ratio: float) -> dict[str, float]:
        """Weight of each loss at a signal-to-watermark ratio."""
        schedule = self.schedule
        # The audibility's weight grows with the ratio: from the start on it would keep the message from being learnt.
        risen = (ratio - schedule.first_ratio) / max(schedule.last_ratio - schedule.first_ratio, 1e-9)
        return {
            "detection": 1.0,
            "message": MESSAGE_WEIGHT,
            "level": LEVEL_WEIGHT,
            "surrogate": schedule.surrogate_weight,
            "audibility": schedule.masking_weight * risen,
        }


def raise_ratio(progress: TrainingState, values: dict[str, float], schedule: JointSchedule) -> None:
    """Raise the signal-to-watermark ratio while the message is decoded, fast enough to reach the last one in time.

    Args:
        progress: updated in place: ``running_loss``, and ``ratio`` in dB.
        values: losses of the latest batch, ``message`` and ``detection`` among them.
        schedule: of the training; its ``last_ratio`` bounds the ratio.
    """
    loss = max(values["message"], 0.8 * values["detection"])
    progress["running_loss"] = 0.95 * progress["running_loss"] + 0.05 * loss
    if progress["running_loss"] < LOSS_THRESHOLD:
        steps = schedule.steps * (1 - UNSCALED_SHARE - FINAL_RATIO_SHARE) * (1 - LEARNING_SHARE)
        rise = (schedule.last_ratio - schedule.first_ratio) / steps
        progress["ratio"] = min(schedule.last_ratio, progress["ratio"] + rise)
