"""Checkpoints of trainings, which resume after an interruption."""

from __future__ import annotations

import copy
import io
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sanguinaria.core.atomic_files import atomic
from sanguinaria.core.foreign_checkpoints import unreadable_cause


def save_checkpoint(path: Path, network: nn.Module, optimiser: torch.optim.Optimizer, progress: dict[str, Any]) -> None:
    """Write the state of a training, atomically.

    Args:
        path: the checkpoint's file.
        network: the network in training.
        optimiser: its optimiser.
        progress: the rest of the training's state, plain values and tensors.
    """
    state = {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "progress": progress}
    with atomic(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path: Path, network: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Any] | None:
    """Restore the state of a training.

    A damaged checkpoint is reported on the standard output and ignored, since training again costs time only. Network
    and optimiser are then unchanged.

    Args:
        path: the checkpoint's file.
        network: the network to restore.
        optimiser: the optimiser to restore.

    Returns:
        The progress that :func:`save_checkpoint` was given; ``None`` without a usable checkpoint.
    """
    initial_weights = copy.deepcopy(network.state_dict())
    try:
        state = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
        progress = dict(state["progress"])
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
    except FileNotFoundError:
        return None
    except (RuntimeError, pickle.UnpicklingError, LookupError, TypeError, ValueError, EOFError) as error:
        print(
            f"{path}: not a checkpoint of this training ({unreadable_cause(error)}); it starts from the beginning",
            flush=True,
        )
        network.load_state_dict(initial_weights)
        return None
    return progress
