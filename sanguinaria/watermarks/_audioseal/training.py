"""Training a generator and its detector together, from scratch.

The scheme is AudioSeal's (arXiv:2401.17264, section 3): the generator's mark is added, the result edited, and the
detector has to tell marked from unmarked audio and to read the message. Three things make it train on two cores:

- the mark is scaled to a signal-to-watermark ratio, which starts loud and rises only while the message is read;
- the message weighs ten times as much as detection (as in the package's own recipe), or it is not learnt at all;
- in the last part the mark is left as the generator makes it, whose level has been taught meanwhile.

A mark that is not filtered in training sits at the top of the band, where a low-pass filter removes it. So a share of
what the detector hears has passed one: causal, as a front end's is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from sanguinaria.audio.filters import convolve, low_pass_responses
from sanguinaria.nn.speech_crops import mean_power, random_crops
from sanguinaria.nn.step_training import Schedule, TrainingState, set_learning_rate, train
from sanguinaria.watermarks._audibility import audibility
from sanguinaria.watermarks._audioseal.networks import generate, logits
from sanguinaria.watermarks._audioseal.surrogate import Listener

# The messages' weight against detection: AudioSeal's `lambda_dec` in its training recipe.
MESSAGE_WEIGHT = 10.0
LEVEL_WEIGHT = 0.5
# The mark gets quieter only while the running means of the losses are below this.
READ = 0.35
# The last part of the steps, with the mark as the generator makes it, and the part before that at its final ratio.
RAW, SETTLED = 0.15, 0.1
# The share of the steps before those that may pass before the message is read at all.
LEARNING = 0.45
# Signal-to-noise ratios, in dB, between which noise is added to what the detector hears.
NOISE = (30.0, 50.0)
# Cut-offs of the low-pass filter: this many, spread evenly.
CUTOFFS = 11
FILTER_ORDER = 6


@dataclass(frozen=True)
class PairSchedule(Schedule):
    """How a pair is trained; ratios in dB, frequencies in Hz."""

    loudest: float
    quietest: float
    masking: float
    listening: float
    filtered: float
    cutoffs: tuple[float, float]


class Editing:
    """What happens to audio before the detector hears it: a low-pass filter to a share of it, and a little noise."""

    def __init__(self, filtered: float, cutoffs: tuple[float, float], sample_rate: int, device: torch.device) -> None:
        self.filtered = filtered
        cuts = [float(cut) for cut in np.linspace(*cutoffs, CUTOFFS)]
        self.responses = low_pass_responses(cuts, FILTER_ORDER, sample_rate).to(device)

    def __call__(self, waveforms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Edited waveforms (utterances, samples); ``generator`` is the CPU's, so that devices draw the same."""
        count, device = len(waveforms), waveforms.device
        chosen = (torch.rand(count, generator=generator) < self.filtered).to(device)
        filters = torch.randint(len(self.responses), (count,), generator=generator).to(device)
        edited = torch.where(chosen[:, None], convolve(waveforms, self.responses[filters]), waveforms)
        ratios = NOISE[0] + (NOISE[1] - NOISE[0]) * torch.rand(count, 1, generator=generator)
        noise = torch.randn(waveforms.shape, generator=generator) * 10 ** (-ratios / 20)
        return edited + noise.to(device) * mean_power(waveforms).detach().sqrt()


def train_pair(
    generator: nn.Module,
    detector: nn.Module,
    waveforms: torch.Tensor,
    bits: int,
    sample_rate: int,
    schedule: PairSchedule,
    checkpoint: Path,
    device: torch.device,
) -> list[dict[str, float]]:
    """Train both in place, or go on from a checkpoint of the same training.

    Args:
        generator, detector: as :func:`sanguinaria.watermarks._audioseal.networks.generate` and ``logits`` take them.
        waveforms: speech (utterances, samples), on the CPU.
        bits: of the message; every piece of speech gets a random one.
        sample_rate: in Hz.
        schedule: of the training.
        checkpoint: where the state is kept.
        device: where it is computed.

    Returns:
        The history: for every so many steps the mean of each loss, the ratio, and the share of bits read right.

    Raises:
        InputError: the utterances are shorter than the crop.
    """
    pair = nn.ModuleDict({"generator": generator, "detector": detector}).to(device)
    listener = None
    if schedule.listening:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(schedule.seed)
            pair["listener"] = listener = Listener(sample_rate, device)
    loss_of = _pair_loss(generator, detector, listener, bits, sample_rate, schedule, device)
    optimiser = torch.optim.Adam(pair.parameters(), schedule.learning_rate, fused=True)

    def step(progress: TrainingState, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        set_learning_rate(optimiser, schedule, progress["step"])
        speech = random_crops(waveforms, schedule.batch_size, schedule.crop, random).to(device)
        loss, parts = loss_of(speech, progress, random)
        _advance(progress, parts, schedule)
        return loss, {"ratio_db": progress["ratio"], **parts}

    return train(pair, optimiser, step, schedule, checkpoint, {"ratio": schedule.loudest, "read": 1.0})


def _pair_loss(
    generator: nn.Module,
    detector: nn.Module,
    listener: nn.Module | None,
    bits: int,
    sample_rate: int,
    schedule: PairSchedule,
    device: torch.device,
) -> Callable[[torch.Tensor, TrainingState, torch.Generator], tuple[torch.Tensor, dict[str, float]]]:
    """The loss of one batch of speech, and its parts by name."""
    editing = Editing(schedule.filtered, schedule.cutoffs, sample_rate, device)
    audible = audibility(sample_rate, device)

    def loss_of(
        speech: torch.Tensor, progress: TrainingState, random: torch.Generator
    ) -> tuple[torch.Tensor, dict[str, float]]:
        ratio = progress["ratio"]
        messages = torch.randint(2, (len(speech), bits), generator=random).to(device)
        marks = generate(generator, speech, messages, schedule.window)
        # One gain for the batch: how loud each mark is against its own speech is the generator's to learn.
        gain = 10 ** (-ratio / 20) * (mean_power(speech).mean() / mean_power(marks).mean()).sqrt()
        level_error = gain.log10() * 2  # in units of 10 dB
        if progress["step"] < (1 - RAW) * schedule.steps:
            marks = marks * gain
        heard = editing(torch.cat([speech + marks, speech]), random)
        taught = reading(logits(detector, heard, schedule.window), messages)
        parts = {
            "detection": taught["detection"],
            "message": taught["message"],
            "level": level_error.square(),
            "audibility": audible(marks, speech),
        }
        if listener is not None:
            present = torch.arange(2, device=device).flip(0).repeat_interleave(len(speech))
            parts["listening"] = cross_entropy(listener(heard), present)
        # Masking is asked for as the mark gets quieter: from the start on it would keep the message from being learnt.
        quiet = (ratio - schedule.loudest) / max(schedule.quietest - schedule.loudest, 1e-9)
        weights = {
            "detection": 1.0,
            "message": MESSAGE_WEIGHT,
            "level": LEVEL_WEIGHT,
            "listening": schedule.listening,
            "audibility": schedule.masking * quiet,
        }
        told = {name: float(part.detach()) for name, part in parts.items()} | {
            "bits_right": float(taught["bits_right"])
        }
        return sum(weights[name] * part for name, part in parts.items()), told  # type: ignore[return-value]

    return loss_of


def reading(found: torch.Tensor, messages: torch.Tensor) -> dict[str, torch.Tensor]:
    """What a detector is taught: ``detection``, ``message`` and ``bits_right``.

    Args:
        found: what it says, (2·utterances, 2 + bits, samples), of marked utterances and then of unmarked ones.
        messages: of the marked utterances, (utterances, bits), 0 and 1.
    """
    count = len(messages)
    present = torch.arange(2, device=found.device).flip(0).repeat_interleave(count)
    read = found[:count, 2:].mean(-1)
    return {
        "detection": cross_entropy(found[:, :2].mean(-1), present)
        + cross_entropy(found[:, :2], present[:, None].expand(-1, found.shape[-1])),
        "message": binary_cross_entropy_with_logits(read, messages.float()),
        "bits_right": ((read > 0) == (messages > 0)).float().mean(),
    }


def _advance(progress: TrainingState, parts: dict[str, float], schedule: PairSchedule) -> None:
    """The mark gets quieter where it is read, so fast that it can be settled in time."""
    progress["read"] = 0.95 * progress["read"] + 0.05 * max(parts["message"], 0.8 * parts["detection"])
    if progress["read"] < READ:
        rise = (schedule.quietest - schedule.loudest) / (schedule.steps * (1 - RAW - SETTLED) * (1 - LEARNING))
        progress["ratio"] = min(schedule.quietest, progress["ratio"] + rise)
