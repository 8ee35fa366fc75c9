"""Checkpoints: a training that was killed goes on where it last kept its state."""

from __future__ import annotations

import copy
import io
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sanguinaria.core.atomic_files import atomic


def save_checkpoint(path: Path, network: nn.Module, optimiser: torch.optim.Optimizer, progress: dict[str, Any]) -> None:
    """Write the state of a training; ``progress`` holds plain values and tensors."""
    state = {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "progress": progress}
    with atomic(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path: Path, network: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Any] | None:
    """Take a checkpoint up and return its progress; ``None`` where there is none.

    One that is damaged is told and left out, since training again costs only time.
    """
    untrained = copy.deepcopy(network.state_dict())
    try:
        state = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
        progress = dict(state["progress"])
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
    except FileNotFoundError:
        return None
    except (RuntimeError, pickle.UnpicklingError, LookupError, TypeError, ValueError, EOFError) as error:
        print(f"{path}: not a checkpoint of this training ({error}); it starts from the beginning", flush=True)
        network.load_state_dict(untrained)
        return None
    return progress
