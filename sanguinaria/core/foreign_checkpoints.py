"""Checkpoints of other people's networks: read without running anything, and compared before they are used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sanguinaria.core.errors import InputError
from sanguinaria.core.state_dicts import mismatch, shapes


def read_checkpoint(path: Path, what: str) -> dict[str, Any]:
    """What a pickled checkpoint holds; nothing but tensors and plain values is unpickled.

    Raises:
        InputError: there is no such file, or it is none; the message says what belongs there.
    """
    if not path.is_file():
        raise InputError(f"no file {str(path)!r}: {what} goes there, or give its path")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can raise nearly anything
        told = str(error).strip().splitlines()
        raise InputError(
            f"{str(path)!r} cannot be read as a checkpoint ({type(error).__name__}: {told[0] if told else ''}); "
            f"{what} goes there"
        ) from error
    if not isinstance(found, Mapping):
        raise InputError(f"{str(path)!r} holds no checkpoint but a {type(found).__name__}; {what} goes there")
    return dict(found)


def checkpoint_entry(checkpoint: Mapping[str, Any], name: str, path: Path, what: str) -> dict[str, Any]:
    """A named part of a checkpoint, such as its weights.

    Raises:
        InputError: it has none.
    """
    part = checkpoint.get(name)
    if not isinstance(part, Mapping):
        held = ", ".join(map(str, list(checkpoint)[:4])) or "nothing"
        raise InputError(f"{str(path)!r} has no {name!r} and is not {what}: it holds {held}")
    return dict(part)


def load_weights(network: torch.nn.Module, weights: Mapping[str, Any], path: Path, what: str) -> None:
    """Load weights whose names and shapes are the network's, all of them and no others.

    Raises:
        InputError: they are another network's; the message names the first that differs.
    """
    if (difference := mismatch(weights, shapes(network.state_dict()))) is not None:
        raise InputError(f"{str(path)!r} is not {what}: {difference}")
    network.load_state_dict(dict(weights))


def fold_weight_norm(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights with weight normalisation folded in: v·g/‖v‖ for each pair (g, v), a norm for each first index."""
    plain = dict(weights)
    for name in weights:
        layer = name.removesuffix(".weight_g")
        if layer != name and f"{layer}.weight_v" in plain:
            plain[f"{layer}.weight"] = torch._weight_norm(plain.pop(f"{layer}.weight_v"), plain.pop(name), 0)
    return plain
