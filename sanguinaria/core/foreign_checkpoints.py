"""Published PyTorch checkpoints: safe unpickling, and a check of the weights' names and shapes."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sanguinaria.core.errors import InputError
from sanguinaria.core.missing_files import missing_checkpoint
from sanguinaria.core.state_dicts import mismatch, shapes

# Suffixes of the norm g and the direction v of weight normalisation: torch's older and newer spelling.
WEIGHT_NORM_SPELLINGS = {
    ".weight_g": ".weight_v",
    ".parametrizations.weight.original0": ".parametrizations.weight.original1",
}


def read_checkpoint(path: Path, what: str) -> dict[str, Any]:
    """Read a pickled checkpoint; only tensors and plain values are unpickled, and no code is run.

    Args:
        path: the checkpoint's file.
        what: a description of the expected file, for the message.

    Returns:
        The content of the checkpoint, which is a mapping.

    Raises:
        InputError: the file is missing, or is no checkpoint.
    """
    if (message := missing_checkpoint(path, what)) is not None:
        raise InputError(message)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can raise nearly any exception
        raise InputError(
            f"{str(path)!r} cannot be read as a checkpoint ({unreadable_cause(error)}); {what} goes there"
        ) from error
    if not isinstance(checkpoint, Mapping):
        raise InputError(f"{str(path)!r} holds no checkpoint but a {type(checkpoint).__name__}; {what} goes there")
    return dict(checkpoint)


def unreadable_cause(error: Exception) -> str:
    """Return why a checkpoint could not be read, in one line.

    torch's messages about pickles advise to load them whatever they hold, which runs their code; that is left out.

    >>> unreadable_cause(ValueError("cut\\nmore"))
    'ValueError: cut'

    Args:
        error: of ``torch.load`` with ``weights_only=True``, or of another reader.
    """
    if isinstance(error, pickle.UnpicklingError):
        names = re.search(r"GLOBAL ([\w.]+)", str(error))
        content = f"it holds {names[1]}" if names else "it is damaged, no checkpoint, or holds other objects"
        return f"{content}: only tensors and plain values are unpickled, as anything else can run code"
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


def checkpoint_entry(checkpoint: Mapping[str, Any], name: str, path: Path, what: str) -> dict[str, Any]:
    """Return an entry of a checkpoint that is a mapping, such as its state dict.

    Args:
        checkpoint: as :func:`read_checkpoint` returns it.
        name: the key of the entry.
        path: the checkpoint's file, for the message.
        what: a description of the expected file, for the message.

    Raises:
        InputError: the checkpoint has no such entry.
    """
    entry = checkpoint.get(name)
    if not isinstance(entry, Mapping):
        keys = ", ".join(map(str, list(checkpoint)[:4])) or "nothing"
        raise InputError(f"{str(path)!r} has no {name!r} and is not {what}: it holds {keys}")
    return dict(entry)


def load_weights(network: torch.nn.Module, weights: Mapping[str, Any], path: Path, what: str) -> None:
    """Load a state dict whose names and shapes have to be exactly those of the network.

    Args:
        network: the network.
        weights: the state dict.
        path: the checkpoint's file, for the message.
        what: a description of the expected file, for the message.

    Raises:
        InputError: the weights are of another network; the message names the first difference.
    """
    if (difference := mismatch(weights, shapes(network.state_dict()))) is not None:
        raise InputError(f"{str(path)!r} is not {what}: {difference}")
    network.load_state_dict(dict(weights))


def fold_weight_norm(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Replace weight normalisation by plain weights: v·g/‖v‖ for each pair (g, v), with a norm per first index.

    Only training needs the pair; folded, the weights are computed once and not in every pass.

    Args:
        weights: a state dict, with the pairs in either of torch's spellings.

    Returns:
        The state dict with a plain weight in place of each pair; other weights are unchanged.
    """
    folded = dict(weights)
    for name in weights:
        for norm, direction in WEIGHT_NORM_SPELLINGS.items():
            layer = name.removesuffix(norm)
            if layer != name and layer + direction in folded:
                folded[f"{layer}.weight"] = torch._weight_norm(folded.pop(layer + direction), folded.pop(name), 0)
    return folded
