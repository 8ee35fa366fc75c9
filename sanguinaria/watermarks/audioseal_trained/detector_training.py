"""Training a detector alone, on marks quieter than the generator makes them and on audio that was filtered.

What a generator adds is scaled by a trigger's strength, and low-pass filters are the defences' first. A pair that is
trained together hears marks of one level, and few filtered ones, as more of them would move the mark (see
``filtered``). With the generator frozen the mark stays where it is, and the detector can hear as many as it takes.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from sanguinaria.nn.speech_crops import random_crops
from sanguinaria.nn.step_training import Schedule, TrainingState, set_learning_rate, train
from sanguinaria.watermarks._audioseal.networks import generate, logits
from sanguinaria.watermarks._audioseal.training import MESSAGE_WEIGHT, Editing, reading

# dB that marks are attenuated by at most: a strength of 0.25.
ATTENUATION = 12.0
FILTERED = 0.5


def train_detector(
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
    """Train the detector in place, or go on from a checkpoint of the same training; the generator stays as it is.

    Args:
        generator, detector: as :func:`sanguinaria.watermarks._audioseal.networks.generate` and ``logits`` take them.
        waveforms: speech (utterances, samples), on the CPU.
        bits: of the message; every piece of speech gets a random one.
        sample_rate: in Hz.
        cutoffs: of the low-pass filters, in Hz.
        schedule: of the training.
        checkpoint: where the state is kept.
        device: where it is computed.

    Returns:
        The history: for every so many steps the mean of each loss, and the share of bits read right.

    Raises:
        InputError: the utterances are shorter than the crop.
    """
    generator.to(device).eval()
    editing = Editing(FILTERED, cutoffs, sample_rate, device)
    optimiser = torch.optim.Adam(detector.to(device).parameters(), schedule.learning_rate, fused=True)

    def step(progress: TrainingState, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        set_learning_rate(optimiser, schedule, progress["step"])
        speech = random_crops(waveforms, schedule.batch_size, schedule.crop, random).to(device)
        messages = torch.randint(2, (len(speech), bits), generator=random).to(device)
        strengths = 10 ** (-ATTENUATION / 20 * torch.rand(len(speech), 1, generator=random)).to(device)
        with torch.no_grad():
            marks = strengths * generate(generator, speech, messages, schedule.window)
        heard = editing(torch.cat([speech + marks, speech]), random)
        parts = reading(logits(detector, heard, schedule.window), messages)
        loss = parts["detection"] + MESSAGE_WEIGHT * parts["message"]
        return loss, {name: float(part.detach()) for name, part in parts.items()}

    return train(detector, optimiser, step, schedule, checkpoint)
