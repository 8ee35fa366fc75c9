"""Trained models on disk: safetensors, with the settings that build the network as metadata."""

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
    """Write a trained model.

    Args:
        victim: settings that build the network.
        labels: in the order of the logits.
        network: its state dict is written.
        destination: path of the file.
        repaired: whether a defence may have changed the shapes of its layers.
    """
    model = {"victim": plugins.describe(victim), "labels": list(labels), "repaired": repaired}
    tensors.save(network.state_dict(), model, destination)


def describe_model(path: Path) -> tuple[Victim, list[str], bool]:
    """Read the description of a model.

    Returns:
        The victim, the labels in the order of the logits, and whether a defence repaired the model.

    Raises:
        DamagedError: the file was cut or altered since it was written.
    """
    return _parse_description(tensors.load_description(path, "model"))


def load_model(path: Path, device: torch.device) -> tuple[nn.Module, list[str]]:
    """Load a trained network.

    Returns:
        The network on the device, in evaluation mode, and the labels in the order of the logits.

    Raises:
        DamagedError: the file was cut or altered since it was written, or its tensors do not fit its settings.
    """
    state, description = tensors.load(path, "model")
    victim, labels, repaired = _parse_description(description)
    network = victim.network(len(labels))
    try:
        if repaired:
            network = reshaping.resize_layers(network, state)
            reshaping.check_output_shape(network, victim.front_end.dummy_input_shape, len(labels))
        else:
            network.load_state_dict(state)
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(path, "model", error) from error
    return network.to(device).eval(), labels


def _parse_description(model: Mapping[str, Any]) -> tuple[Victim, list[str], bool]:
    """The victim, the labels, and whether a defence repaired the model."""
    victim = plugins.build("victims", model["victim"])
    assert isinstance(victim, Victim)
    return victim, list(model["labels"]), bool(model["repaired"])
