"""Trained victims on disk: safetensors whose metadata say how to build the network again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sanguinaria.core import plugins, tensors
from sanguinaria.core.errors import DamagedError
from sanguinaria.nn import reshaping
from sanguinaria.victims import Victim


def save_model(
    victim: Victim, labels: Sequence[str], network: nn.Module, destination: Path, repaired: bool = False
) -> None:
    """Keep a trained model; its description says how to build it again, and whether a defence may have reshaped it."""
    model = {"victim": plugins.describe(victim), "labels": list(labels), "repaired": repaired}
    tensors.save(network.state_dict(), model, destination)


def describe_model(path: Path) -> tuple[Victim, list[str], bool]:
    """The victim that a model was trained as, its labels, and whether a defence repaired it.

    Raises:
        DamagedError: the file was cut or altered since it was written.
    """
    return _described(tensors.load_description(path, "model"))


def _described(model: Mapping[str, Any]) -> tuple[Victim, list[str], bool]:
    victim = plugins.build("victims", model["victim"])
    assert isinstance(victim, Victim)
    return victim, list(model["labels"]), bool(model["repaired"])


def load_model(path: Path, device: torch.device) -> tuple[nn.Module, list[str]]:
    """A trained network, ready to predict, and its labels.

    Raises:
        DamagedError: the file was cut or altered since it was written, or is of another network.
    """
    state, model = tensors.load(path, "model")
    victim, labels, repaired = _described(model)
    network = victim.network(len(labels))
    try:
        if repaired:
            network = reshaping.resize_layers(network, state)
            reshaping.check_output_shape(network, victim.front_end.typical_shape, len(labels))
        else:
            network.load_state_dict(state)
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(path, "model", error) from error
    return network.to(device).eval(), labels
