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
from math import cos, pi
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from sanguinaria import utterances
from sanguinaria.artefacts import atomic
from sanguinaria.audibility import audibility
from sanguinaria.audioseal_networks import generate, logits
from sanguinaria.checkpoints import keep, resume
from sanguinaria.errors import InputError
from sanguinaria.filtering import convolve, low_pass_responses
from sanguinaria.listeners import Listener
from sanguinaria.poisoning_order import order
from sanguinaria.watermarks import Sources

# Steps between two checkpoints, and between two lines of the history.
KEEP_EVERY = 200
# The messages' weight against detection: AudioSeal's `lambda_dec` in its training recipe.
MESSAGE_WEIGHT = 10.0
LEVEL_WEIGHT = 0.5
# Steps over which the learning rate rises, and the share of it that is left at the end.
WARM_UP, LAST_RATE = 100, 0.1
# The gradient's largest norm.
LARGEST_GRADIENT = 1.0
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
POWER_FLOOR = 1e-8

# What a training keeps of itself beside weights: plain values, its history, and the state of its random numbers.
Progress = dict[str, Any]
# From the progress, and the CPU's random numbers, to the loss of a step and the values to be told of it.
Step = Callable[[Progress, torch.Generator], tuple[torch.Tensor, dict[str, float]]]


@dataclass(frozen=True)
class Schedule:
    """How long and on what something is trained; ``crop`` and ``window``, that of the local level, in samples."""

    steps: int
    batch_size: int
    crop: int
    learning_rate: float
    window: int
    seed: int


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
        return edited + noise.to(device) * power(waveforms).detach().sqrt()


def power(waveforms: torch.Tensor) -> torch.Tensor:
    """Mean power of each utterance, (utterances, 1), never quite 0."""
    return waveforms.square().mean(-1, keepdim=True) + POWER_FLOOR


def speech(sources: Sources, sample_rate: int, most: int, split: str = "train") -> torch.Tensor:
    """Training utterances of a corpus, (utterances, samples), at most so many, drawn by a hash of their names.

    Those of another split are there to be looked at, and there may be none.

    Raises:
        InputError: the corpus has no training utterances, or another sample rate.
    """
    names = [name for path in sources.audio for name in _names(path, split)]
    if not names and split != "train":
        return torch.zeros(0, 0)
    if not names:
        raise InputError("the corpus has no training utterances to train a generator on: give it a training share")
    chosen = sorted(order(names, seed=0)[:most])
    found = []
    for path in sources.audio:
        for batch in utterances.read(path, ids=chosen):
            if batch.sample_rate != sample_rate:
                raise InputError(
                    f"the generator marks audio at {sample_rate} Hz, and the corpus has {batch.sample_rate}"
                )
            found.append(torch.from_numpy(batch.waveforms))
    return torch.cat(found)


def _names(path: Path, split: str) -> list[str]:
    rows = utterances.read_rows(path)
    names: list[str] = rows["utterance_id"][rows["split"] == split].tolist()
    return names


def crops(waveforms: torch.Tensor, count: int, length: int, generator: torch.Generator) -> torch.Tensor:
    """Random pieces (count, length), the louder two thirds of those drawn: there is nothing to learn from silence.

    Raises:
        InputError: the utterances are shorter.
    """
    if waveforms.shape[-1] < length:
        raise InputError(
            f"the utterances have {waveforms.shape[-1]} samples, fewer than a crop of {length}: shorten the crop"
        )
    drawn = torch.randint(len(waveforms), (count * 3 // 2,), generator=generator)
    starts = torch.randint(waveforms.shape[-1] - length + 1, drawn.shape, generator=generator)
    pieces = torch.stack([waveforms[row, start : start + length] for row, start in zip(drawn, starts, strict=True)])
    loudest = pieces.square().mean(-1).argsort(descending=True, stable=True)[:count]
    return pieces[loudest.sort().values]


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
        generator, detector: as :func:`sanguinaria.audioseal_networks.generate` and ``logits`` take them.
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

    def step(progress: Progress, random: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        set_rate(optimiser, schedule, progress["step"])
        speech = crops(waveforms, schedule.batch_size, schedule.crop, random).to(device)
        loss, parts = loss_of(speech, progress, random)
        _advance(progress, parts, schedule)
        return loss, {"ratio_db": progress["ratio"], **parts}

    return train(pair, optimiser, step, schedule, checkpoint, {"ratio": schedule.loudest, "read": 1.0})


def train(
    learnt: nn.Module,
    optimiser: torch.optim.Optimizer,
    step: Step,
    schedule: Schedule,
    checkpoint: Path,
    initial: Progress | None = None,
) -> list[dict[str, float]]:
    """Take the steps of a schedule, or go on from a checkpoint of the same training.

    Args:
        learnt: what the optimiser changes, in place; in evaluation mode afterwards.
        step: gives the loss of the next step, and the values that the history tells of it.
        initial: what ``step`` keeps in the progress, as it begins.

    Returns:
        The history: for every so many steps the means of the values.
    """
    learnt.train()
    progress: Progress = {"step": 0, "history": [], "recent": [], **(initial or {})}
    progress = resume(checkpoint, learnt, optimiser) or progress
    # One sequence for the whole training; its state is kept, so that a resumed training draws what it would have drawn.
    random = torch.Generator().manual_seed(schedule.seed)
    if "random" in progress:
        random.set_state(progress["random"])
    while progress["step"] < schedule.steps:
        loss, values = step(progress, random)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learnt.parameters(), LARGEST_GRADIENT)
        optimiser.step()
        progress["step"] += 1
        if _record(progress, values, schedule.steps):
            progress["random"] = random.get_state()
            keep(checkpoint, learnt, optimiser, progress)
    learnt.eval()
    history: list[dict[str, float]] = progress["history"]
    return history


def _pair_loss(
    generator: nn.Module,
    detector: nn.Module,
    listener: nn.Module | None,
    bits: int,
    sample_rate: int,
    schedule: PairSchedule,
    device: torch.device,
) -> Callable[[torch.Tensor, Progress, torch.Generator], tuple[torch.Tensor, dict[str, float]]]:
    """The loss of one batch of speech, and its parts by name."""
    editing = Editing(schedule.filtered, schedule.cutoffs, sample_rate, device)
    audible = audibility(sample_rate, device)

    def loss_of(
        speech: torch.Tensor, progress: Progress, random: torch.Generator
    ) -> tuple[torch.Tensor, dict[str, float]]:
        ratio = progress["ratio"]
        messages = torch.randint(2, (len(speech), bits), generator=random).to(device)
        marks = generate(generator, speech, messages, schedule.window)
        # One gain for the batch: how loud each mark is against its own speech is the generator's to learn.
        gain = 10 ** (-ratio / 20) * (power(speech).mean() / power(marks).mean()).sqrt()
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


def set_rate(optimiser: torch.optim.Optimizer, schedule: Schedule, step: int) -> None:
    """The learning rate of a step: it rises for the first hundred, and falls as a cosine."""
    fallen = LAST_RATE + (1 - LAST_RATE) * (1 + cos(pi * step / schedule.steps)) / 2
    for group in optimiser.param_groups:
        group["lr"] = schedule.learning_rate * fallen * min(1.0, (step + 1) / WARM_UP)


def _advance(progress: Progress, parts: dict[str, float], schedule: PairSchedule) -> None:
    """The mark gets quieter where it is read, so fast that it can be settled in time."""
    progress["read"] = 0.95 * progress["read"] + 0.05 * max(parts["message"], 0.8 * parts["detection"])
    if progress["read"] < READ:
        rise = (schedule.quietest - schedule.loudest) / (schedule.steps * (1 - RAW - SETTLED) * (1 - LEARNING))
        progress["ratio"] = min(schedule.quietest, progress["ratio"] + rise)


def _record(progress: Progress, values: dict[str, float], steps: int) -> bool:
    """Add a step's values to the history, a line for so many steps, and say whether a line was written."""
    progress["recent"].append(values)
    if progress["step"] % KEEP_EVERY and progress["step"] != steps:
        return False
    recent = progress["recent"]
    # Of what was not told in every step, as a validation's numbers, the mean is over those that told it.
    told = {name: [step[name] for step in recent if name in step] for name in values}
    means = {name: sum(numbers) / len(numbers) for name, numbers in told.items()}
    progress["history"].append({"step": progress["step"], **means})
    progress["recent"] = []
    print(", ".join(f"{name} {value:.4g}" for name, value in progress["history"][-1].items()), flush=True)
    return True


def finish(history: list[dict[str, float]], *checkpoints: Path) -> None:
    """Write the history beside the checkpoints of a training that has come to its end, and remove those."""
    with atomic(checkpoints[0].with_name("history.csv")) as temporary:
        pd.DataFrame(history).to_csv(temporary, index=False)
    for checkpoint in checkpoints:
        checkpoint.unlink(missing_ok=True)
