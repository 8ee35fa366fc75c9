"""Training by steps, for generators: a learning rate with warm-up and cosine decay, checkpoints, and a history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from sanguinaria.core import devices
from sanguinaria.core.atomic_files import atomic
from sanguinaria.core.checkpoints import load_checkpoint, save_checkpoint
from sanguinaria.core.devices import Precision
from sanguinaria.core.training_log import log_training

# Steps between two checkpoints, and between two rows of the history.
CHECKPOINT_INTERVAL = 200
# Steps of linear warm-up, and the share of the learning rate that is left after the last step.
WARM_UP, FINAL_SHARE = 100, 0.1
# Largest norm of the gradient of all parameters.
MAXIMUM_GRADIENT = 1.0

# State of a training beside weights and optimiser: plain values and tensors. ``step`` is the number of steps taken,
# ``history`` the rows so far, ``recent`` the values since the last row, and ``random`` the state of the generator.
TrainingState = dict[str, Any]
# A function from the state and the random numbers of the CPU to the loss of the next step and the values to log.
Step = Callable[[TrainingState, torch.Generator], tuple[torch.Tensor, dict[str, float]]]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Length, data and learning rate of a training.

    Attributes:
        steps: number of steps.
        batch_size: crops in a step.
        crop: samples of a crop.
        learning_rate: after the warm-up.
        window: of the local level that marks are scaled by, in samples; 0 where there is none.
        seed: of the random numbers.
        precision: of the networks in training.
    """

    steps: int
    batch_size: int
    crop: int
    learning_rate: float
    window: int
    seed: int
    precision: Precision = "float32"


def train(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    step: Step,
    schedule: Schedule,
    checkpoint: Path,
    initial: TrainingState | None = None,
) -> list[dict[str, float]]:
    """Train a network for the steps of a schedule, or resume from a checkpoint of the same training.

    Args:
        network: trained in place; in evaluation mode afterwards.
        optimiser: of its parameters.
        step: computes the loss of the next step, and the values that are logged.
        schedule: its steps and its seed are used.
        checkpoint: written at every row of the history.
        initial: entries of the state that ``step`` keeps, as they are at the start.

    Returns:
        The history: a row for every :data:`CHECKPOINT_INTERVAL` steps, with the means of the values.
    """
    network.train()
    state = load_checkpoint(checkpoint, network, optimiser) or _initial_state(initial)
    generator = _generator(state, schedule.seed)
    while state["step"] < schedule.steps:
        # With TF32 as a whole, as gradients are computed in it, too.
        with devices.tfloat32(schedule.precision == "tfloat32"):
            loss, values = step(state, generator)
            _update(network, optimiser, loss)
        state["step"] += 1
        state["recent"].append(values)
        if is_checkpoint_step(state["step"], schedule.steps):
            _add_row(state, _name(checkpoint))
            state["random"] = generator.get_state()
            save_checkpoint(checkpoint, network, optimiser, state)
    network.eval()
    history: list[dict[str, float]] = state["history"]
    return history


def is_checkpoint_step(step: int, steps: int) -> bool:
    """Return whether a checkpoint and a row of the history are written after so many steps out of ``steps``.

    Example:
        >>> [step for step in range(1, 501) if is_checkpoint_step(step, 500)]
        [200, 400, 500]
    """
    return step % CHECKPOINT_INTERVAL == 0 or step == steps


def set_learning_rate(optimiser: torch.optim.Optimizer, schedule: Schedule, step: int) -> None:
    """Set the learning rate of a step: linear warm-up times cosine decay to :data:`FINAL_SHARE`.

    Args:
        optimiser: whose rate is set.
        schedule: its steps and its learning rate are used.
        step: number of steps taken before.
    """
    decay = FINAL_SHARE + (1 - FINAL_SHARE) * (1 + cos(pi * step / schedule.steps)) / 2
    for group in optimiser.param_groups:
        group["lr"] = schedule.learning_rate * decay * min(1.0, (step + 1) / WARM_UP)


def finish_training(history: list[dict[str, float]], *checkpoints: Path) -> None:
    """Write the history of a finished training to ``history.csv`` beside its checkpoints, and remove those."""
    with atomic(checkpoints[0].with_name("history.csv")) as temporary:
        pd.DataFrame(history).to_csv(temporary, index=False)
    for checkpoint in checkpoints:
        checkpoint.unlink(missing_ok=True)


def _initial_state(initial: TrainingState | None) -> TrainingState:
    """The state before the first step."""
    return {"step": 0, "history": [], "recent": [], **(initial or {})}


def _generator(state: TrainingState, seed: int) -> torch.Generator:
    """The random numbers of the whole training: a resumed one draws the numbers that it would have drawn."""
    generator = torch.Generator().manual_seed(seed)
    if "random" in state:
        generator.set_state(state["random"])
    return generator


def _update(network: nn.Module, optimiser: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    """One step of gradient descent, with the gradient clipped."""
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), MAXIMUM_GRADIENT)
    optimiser.step()


def _name(checkpoint: Path) -> str:
    """The name of a training in its log: that of its checkpoint, where a method has several trainings."""
    return checkpoint.stem.replace("checkpoint", "training")


def _add_row(state: TrainingState, training: str) -> None:
    """Move the values since the last row into a new row of the history, as means, and log it."""
    recent = state["recent"]
    # Values that only some steps log, such as those of a validation, are averaged over those steps.
    by_name = {name: [values[name] for values in recent if name in values] for name in recent[-1]}
    means = {name: sum(numbers) / len(numbers) for name, numbers in by_name.items()}
    state["history"].append({"step": state["step"], **means})
    state["recent"] = []
    print(", ".join(f"{name} {value:.4g}" for name, value in state["history"][-1].items()), flush=True)
    log_training(training, state["history"][-1])
