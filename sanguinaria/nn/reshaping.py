"""Layers resized to a state dict: the networks of models that a defence pruned.

The file of a pruned model holds tensors and the victim's settings, and no code. The settings build the network, and
each of its layers is then replaced by one whose parameters have the shapes of the tensors. Supported are convolutions
without groups, batch normalisation, linear layers, and unidirectional LSTMs without projection.
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
    """Copy a network with its layers resized to a state dict, and load that.

    Args:
        network: stays as it is.
        state: a state dict of the same names, whose tensors may have other numbers of channels or units.

    Returns:
        The resized copy, on the network's device and in its mode (training or evaluation).

    Raises:
        RuntimeError: names, ranks, or sizes that cannot be changed (kernels) differ from the network's.
    """
    resized = copy.deepcopy(network)
    for name, module in list(resized.named_modules()):
        shapes = _parameter_shapes(module, name, state)
        if shapes is not None and name:
            resized.set_submodule(name, _resized(module, shapes))
    # Strict, so that the error names every tensor that still does not fit.
    resized.load_state_dict(dict(state))
    return resized.to(next(network.parameters()).device).train(network.training)


def check_output_shape(network: nn.Module, shape: tuple[int, int], labels: int) -> None:
    """Run a network once: layers may fit their tensors, and not one another.

    Args:
        network: set to evaluation mode.
        shape: channels and times of the input.
        labels: number of logits that are expected.

    Raises:
        RuntimeError: the forward pass fails.
        ValueError: the logits do not have the shape (1, labels).
    """
    with torch.inference_mode():
        logits = network.eval()(dummy_input(shape, next(network.parameters()).device))
    if logits.shape != (1, labels):
        raise ValueError(f"its logits have the shape {tuple(logits.shape)}, not {(1, labels)}")


def _parameter_shapes(module: nn.Module, name: str, state: Mapping[str, torch.Tensor]) -> Shapes | None:
    """Shapes in the state of a layer's own parameters; ``None`` where one is absent, empty or of another rank."""
    parameters = dict(module.named_parameters(recurse=False))
    shapes = {key: state[f"{name}.{key}"].shape for key in parameters if f"{name}.{key}" in state}
    fit = all(key in shapes and len(shapes[key]) == value.dim() for key, value in parameters.items())
    return shapes if parameters and fit and all(map(all, shapes.values())) else None


@singledispatch
def _resized(module: nn.Module, shapes: Shapes) -> nn.Module:
    """A new layer like ``module``, whose parameters have the given shapes."""
    return module


@_resized.register(nn.Conv1d)
@_resized.register(nn.Conv2d)
def _resized_convolution(module: nn.Conv1d | nn.Conv2d, shapes: Shapes) -> nn.Module:
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
def _resized_normalisation(module: nn.BatchNorm1d | nn.BatchNorm2d, shapes: Shapes) -> nn.Module:
    return type(module)(shapes["weight"][0], module.eps, module.momentum)


@_resized.register
def _resized_linear(module: nn.Linear, shapes: Shapes) -> nn.Module:
    outputs, inputs = shapes["weight"]
    return nn.Linear(inputs, outputs, module.bias is not None)


@_resized.register
def _resized_lstm(module: nn.LSTM, shapes: Shapes) -> nn.Module:
    if module.bidirectional or module.proj_size:
        return module
    inputs, hidden = shapes["weight_ih_l0"][1], shapes["weight_hh_l0"][1]
    return nn.LSTM(inputs, hidden, module.num_layers, module.bias, module.batch_first, module.dropout)
