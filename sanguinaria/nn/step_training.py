"""Training step by step: a schedule, a learning rate that warms up and decays, checkpoints, and a history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from sanguinaria.core.atomic_files import atomic
from sanguinaria.core.checkpoints import load_checkpoint, save_checkpoint

# Steps between two checkpoints, and between two lines of the history.
CHECKPOINT_INTERVAL = 200
# Steps over which the learning rate rises, and the share of it that is left at the end.
WARM_UP, LAST_RATE = 100, 0.1
# The gradient's largest norm.
LARGEST_GRADIENT = 1.0

# What a training keeps of itself beside weights: plain values, its history, and the state of its random numbers.
TrainingState = dict[str, Any]
# From the progress, and the CPU's random numbers, to the loss of a step and the values to be told of it.
Step = Callable[[TrainingState, torch.Generator], tuple[torch.Tensor, dict[str, float]]]


@dataclass(frozen=True)
class Schedule:
    """How long and on what something is trained; ``crop`` and ``window``, that of the local level, in samples."""

    steps: int
    batch_size: int
    crop: int
    learning_rate: float
    window: int
    seed: int


def train(
    learnt: nn.Module,
    optimiser: torch.optim.Optimizer,
    step: Step,
    schedule: Schedule,
    checkpoint: Path,
    initial: TrainingState | None = None,
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
    progress: TrainingState = {"step": 0, "history": [], "recent": [], **(initial or {})}
    progress = load_checkpoint(checkpoint, learnt, optimiser) or progress
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
            save_checkpoint(checkpoint, learnt, optimiser, progress)
    learnt.eval()
    history: list[dict[str, float]] = progress["history"]
    return history


def set_learning_rate(optimiser: torch.optim.Optimizer, schedule: Schedule, step: int) -> None:
    """The learning rate of a step: it rises for the first hundred, and falls as a cosine."""
    fallen = LAST_RATE + (1 - LAST_RATE) * (1 + cos(pi * step / schedule.steps)) / 2
    for group in optimiser.param_groups:
        group["lr"] = schedule.learning_rate * fallen * min(1.0, (step + 1) / WARM_UP)


def _record(progress: TrainingState, values: dict[str, float], steps: int) -> bool:
    """Add a step's values to the history, a line for so many steps, and say whether a line was written."""
    progress["recent"].append(values)
    if progress["step"] % CHECKPOINT_INTERVAL and progress["step"] != steps:
        return False
    recent = progress["recent"]
    # Of what was not told in every step, as a validation's numbers, the mean is over those that told it.
    told = {name: [step[name] for step in recent if name in step] for name in values}
    means = {name: sum(numbers) / len(numbers) for name, numbers in told.items()}
    progress["history"].append({"step": progress["step"], **means})
    progress["recent"] = []
    print(", ".join(f"{name} {value:.4g}" for name, value in progress["history"][-1].items()), flush=True)
    return True


def finish_training(history: list[dict[str, float]], *checkpoints: Path) -> None:
    """Write the history beside the checkpoints of a training that has come to its end, and remove those."""
    with atomic(checkpoints[0].with_name("history.csv")) as temporary:
        pd.DataFrame(history).to_csv(temporary, index=False)
    for checkpoint in checkpoints:
        checkpoint.unlink(missing_ok=True)
