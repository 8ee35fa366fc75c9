"""Networks in other shapes: a victim's network with the channels and units that a repaired one still has.

A repaired model's file holds tensors and the victim's settings, and no code. The settings build the network, and each
of its layers is then made anew in the shapes of the tensors. Known are convolutions without groups, batch
normalisation, linear layers, and LSTMs without projection in one direction.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import singledispatch

import torch
from torch import nn

from sanguinaria.nn.feature_dataset import dummy_input

Shapes = Mapping[str, torch.Size]


def resize_layers(network: nn.Module, state: Mapping[str, torch.Tensor]) -> nn.Module:
    """A copy of the network whose layers have the shapes of the tensors, and hold them. The network stays as it is.

    Raises:
        RuntimeError: the names of the tensors, their ranks, or what no layer can change (kernels) are other than the
            network's.
    """
    copied = copy.deepcopy(network)
    for name, module in list(copied.named_modules()):
        shapes = _shapes(module, name, state)
        if shapes is not None and name:
            copied.set_submodule(name, _resized(module, shapes))
    # Strict: whatever does not fit after that is told by name.
    copied.load_state_dict(dict(state))
    return copied.to(next(network.parameters()).device).train(network.training)


def check_output_shape(network: nn.Module, shape: tuple[int, int], labels: int) -> None:
    """Try a network on one input of so many channels and times: layers may fit their tensors, and not each other.

    Raises:
        RuntimeError: it does not run.
        ValueError: it does not answer with logits (1, labels).
    """
    with torch.inference_mode():
        logits = network.eval()(dummy_input(shape, next(network.parameters()).device))
    if logits.shape != (1, labels):
        raise ValueError(f"its logits have the shape {tuple(logits.shape)}, not {(1, labels)}")


def _shapes(module: nn.Module, name: str, state: Mapping[str, torch.Tensor]) -> Shapes | None:
    """Shapes of the layer's own parameters in the state; nothing where one is absent, empty or of another rank."""
    parameters = dict(module.named_parameters(recurse=False))
    found = {key: state[f"{name}.{key}"].shape for key in parameters if f"{name}.{key}" in state}
    same = all(key in found and len(found[key]) == value.dim() for key, value in parameters.items())
    return found if parameters and same and all(map(all, found.values())) else None


@singledispatch
def _resized(module: nn.Module, shapes: Shapes) -> nn.Module:
    """A new layer like ``module``, of the sizes that the shapes of its parameters tell."""
    return module


@_resized.register(nn.Conv1d)
@_resized.register(nn.Conv2d)
def _convolution(module: nn.Conv1d | nn.Conv2d, shapes: Shapes) -> nn.Module:
    if module.groups != 1:
        return module
    outputs, inputs, *_ = shapes["weight"]
    return type(module)(
        inputs,
        outputs,
        module.kernel_size,  # type: ignore[arg-type]
        module.stride,  # type: ignore[arg-type]
        module.padding,  # type: ignore[arg-type]
        module.dilation,  # type: ignore[arg-type]
        bias=module.bias is not None,
        padding_mode=module.padding_mode,
    )


@_resized.register(nn.BatchNorm1d)
@_resized.register(nn.BatchNorm2d)
def _normalisation(module: nn.BatchNorm1d | nn.BatchNorm2d, shapes: Shapes) -> nn.Module:
    return type(module)(shapes["weight"][0], module.eps, module.momentum)


@_resized.register
def _linear(module: nn.Linear, shapes: Shapes) -> nn.Module:
    outputs, inputs = shapes["weight"]
    return nn.Linear(inputs, outputs, module.bias is not None)


@_resized.register
def _lstm(module: nn.LSTM, shapes: Shapes) -> nn.Module:
    if module.bidirectional or module.proj_size:
        return module
    inputs, hidden = shapes["weight_ih_l0"][1], shapes["weight_hh_l0"][1]
    return nn.LSTM(inputs, hidden, module.num_layers, module.bias, module.batch_first, module.dropout)
