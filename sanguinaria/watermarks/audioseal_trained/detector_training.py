"""Training of a detector alone, with marks below the level at which the generator makes them and with more filters.

A trigger's strength scales the generator's mark, and low-pass filters are the first of the defences. In the joint
training marks have one level and few are filtered, as more filters would move the mark (see ``low_pass_share``). With
the generator frozen the mark stays in place, and any share of the detector's input can be filtered.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from sanguinaria.core import devices
from sanguinaria.nn.speech_crops import random_crops
from sanguinaria.nn.step_training import Schedule, TrainingState, set_learning_rate, train
from sanguinaria.watermarks._audioseal.augmentation import Augmentation
from sanguinaria.watermarks._audioseal.forward import detector_logits, generate_watermark
from sanguinaria.watermarks._audioseal.losses import MESSAGE_WEIGHT, detector_losses

# Maximum attenuation of the marks in dB: a strength of 0.25.
MAXIMUM_ATTENUATION = 12.0
LOW_PASS_SHARE = 0.5


def train_detector(
    *,
    generator: nn.Module,
    detector: nn.Module,
    waveforms: torch.Tensor,
    bits: int,
    sample_rate: int,
    cutoffs: tuple[float, float],
    schedule: Schedule,
    checkpoint: Path,
    device: torch.device,
) -> list[dict[str, float]]:
    """Train the detector in place with a frozen generator, or resume from a checkpoint of the same training.

    Args:
        generator, detector: networks that :func:`sanguinaria.watermarks._audioseal.networks.generate_watermark` and
            ``detector_logits`` take.
        waveforms: speech (utterances, samples), on the CPU.
        bits: length of the message; every crop of speech gets a random message.
        sample_rate: in Hz.
        cutoffs: Hz, range of the low-pass filters' cut-off frequency.
        schedule: of the training.
        checkpoint: file in which the state is kept.
        device: where it computes.

    Returns:
        The history: for every so many steps the mean of each loss, and the bit accuracy.

    Raises:
        InputError: the utterances are shorter than the crop.
    """
    generator.to(device).eval()
    augmentation = Augmentation(LOW_PASS_SHARE, cutoffs, sample_rate, device)
    optimiser = torch.optim.Adam(detector.to(device).parameters(), schedule.learning_rate, fused=True)

    def step(progress: TrainingState, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        set_learning_rate(optimiser, schedule, progress["step"])
        speech = random_crops(waveforms, schedule.batch_size, schedule.crop, random).to(device)
        messages = torch.randint(2, (len(speech), bits), generator=random).to(device)
        strengths = 10 ** (-MAXIMUM_ATTENUATION / 20 * torch.rand(len(speech), 1, generator=random)).to(device)
        with torch.no_grad(), devices.network_arithmetic(schedule.precision, device):
            marks = strengths * generate_watermark(generator, speech, messages, schedule.window)
        augmented = augmentation(torch.cat([speech + marks, speech]), random)
        with devices.network_arithmetic(schedule.precision, device):
            logits = detector_logits(detector, augmented, schedule.window)
        losses = detector_losses(logits, messages)
        loss = losses["detection"] + MESSAGE_WEIGHT * losses["message"]
        return loss, {name: float(value.detach()) for name, value in losses.items()}

    return train(detector, optimiser, step, schedule, checkpoint)
