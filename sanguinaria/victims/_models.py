"""Trained models on disk: safetensors, with the settings that build the network beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sanguinaria.core import plugins, tensor_archives, tensors
from sanguinaria.core.errors import DamagedError
from sanguinaria.nn import reshaping
from sanguinaria.victims import Victim


def save_model(victim: Victim, labels: Sequence[str], network: nn.Module, destination: Path) -> None:
    """Write a trained model.

    Args:
        victim: settings that build the network.
        labels: in the order of the logits.
        network: its state dict is written.
        destination: path of the file.
    """
    tensors.save(network.state_dict(), _description(victim, labels), destination)


def save_repaired_models(
    victim: Victim, labels: Sequence[str], networks: Iterable[tuple[int, nn.Module]], destination: Path
) -> None:
    """Write the models that a defence makes of a trained one.

    Args:
        victim: settings that build the network, whose layers the defence may have resized.
        labels: in the order of the logits.
        networks: each with its number of epochs of fine-tuning; its state dict is written as it comes.
        destination: path of the file.
    """
    states = ((str(epochs), network.state_dict()) for epochs, network in networks)
    tensor_archives.save(states, _description(victim, labels), destination)


def describe_model(path: Path) -> tuple[Victim, list[str]]:
    """Read the description of a trained model.

    Returns:
        The victim, and the labels in the order of the logits.

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
    victim, labels = _parse_description(description)
    network = victim.network(len(labels))
    with _converted_errors(path):
        network.load_state_dict(state)
    return network.to(device).eval(), labels


def load_repaired_model(path: Path, epochs: int, device: torch.device) -> tuple[nn.Module, list[str]]:
    """Load one of the networks that a defence made of a trained one.

    Args:
        path: file of :func:`save_repaired_models`.
        epochs: of its fine-tuning.
        device: that the network is moved to.

    Returns:
        The network on the device, in evaluation mode, and the labels in the order of the logits.

    Raises:
        DamagedError: the file was cut or altered since it was written, has no model of so many epochs, or its tensors
            do not fit its settings.
    """
    state, description = tensor_archives.load(path, str(epochs), "model")
    victim, labels = _parse_description(description)
    with _converted_errors(path):
        network = reshaping.resize_layers(victim.network(len(labels)), state)
        reshaping.check_output_shape(network, victim.front_end.dummy_input_shape, len(labels))
    return network.to(device).eval(), labels


def _description(victim: Victim, labels: Sequence[str]) -> dict[str, Any]:
    return {"victim": plugins.describe(victim), "labels": list(labels)}


def _parse_description(model: Mapping[str, Any]) -> tuple[Victim, list[str]]:
    """The victim, and the labels in the order of the logits."""
    victim = plugins.build("victims", model["victim"])
    assert isinstance(victim, Victim)
    return victim, list(model["labels"])


@contextmanager
def _converted_errors(path: Path) -> Iterator[None]:
    """Convert the errors of tensors that do not fit their network."""
    try:
        yield
    except (RuntimeError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(path, "model", error) from error
