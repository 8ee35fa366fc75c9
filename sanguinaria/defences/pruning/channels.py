"""Structured pruning: a share of every layer's channels is removed, those of the smallest L2 norm first.

Bloodroot (section 3.1) prunes with torch-pruning, "ranking convolutional channels by L2 norm and pruning the least
important ones along with dependent layers", after Anwar et al. (2017, ACM JETC 13(3)). It does not state how its LSTM
is pruned.

A channel's norm is that of all weights that are removed with it, as in DepGraph (Fang et al., 2023, arXiv:2301.12900)
and in torch-pruning's own ranking: its filter, the scale of its normalisation, and its weights in the next layers.
Channels that a sum couples, such as those of a residual block and of its shortcut, are ranked and removed together.

Every layer loses the same share, rounded to whole channels. The number is computed here, since torch-pruning's own
pruner leaves a layer whole when a share would remove its last channel; here that one is kept.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

from sanguinaria.core.errors import InputError
from sanguinaria.nn.feature_dataset import dummy_input
from sanguinaria.nn.reshaping import resize_layers

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d)
# Layers with parameters that can lose channels: sanguinaria.nn.reshaping rebuilds them with fewer.
PRUNABLE = (*CONVOLUTIONS, nn.BatchNorm1d, nn.BatchNorm2d, nn.Linear)
GATES = 4  # input, forget, cell, output: the order in which torch.nn.LSTM stacks their rows


def prune(network: nn.Module, share: float, shape: tuple[int, int]) -> nn.Module:
    """Return a pruned copy of a network from inputs (utterances, channels, times) to logits (utterances, labels).

    Networks with an LSTM lose hidden units, others channels of their convolutions. The input's channels and the
    output's labels are kept.

    Args:
        network: to prune; it is not changed.
        share: in [0, 1), of the channels of every layer that is removed; at least one is kept in each.
        shape: channels and times of an input.

    Raises:
        InputError: networks of this kind are not supported.
    """
    if any(isinstance(module, nn.LSTM) for module in network.modules()):
        return prune_units(network, share)
    return prune_channels(network, share, shape)


@torch.enable_grad()  # type: ignore[untyped-decorator]  # The dependencies are traced through it.
def prune_channels(network: nn.Module, share: float, shape: tuple[int, int]) -> nn.Module:
    """Return a copy with fewer channels in every convolution and in the layers that depend on it.

    Args:
        network: to prune; it is not changed.
        share: of the channels of every layer that is removed.
        shape: channels and times of an input.

    Raises:
        InputError: the network has no convolutions, or grouped ones, or other layers with parameters.
    """
    from torch_pruning import DependencyGraph  # type: ignore[import-untyped]
    from torch_pruning.pruner.importance import GroupMagnitudeImportance  # type: ignore[import-untyped]

    groups = {module.groups for module in network.modules() if isinstance(module, CONVOLUTIONS)}
    parametrised = [module for module in network.modules() if any(True for _ in module.parameters(recurse=False))]
    if groups != {1} or not all(isinstance(module, PRUNABLE) for module in parametrised):
        raise InputError(
            "pruning: it supports networks of ungrouped convolutions, batch normalisation and linear layers, and LSTMs"
            "; leave it out of this victim's experiment"
        )
    pruned = copy.deepcopy(network).eval()
    graph = DependencyGraph().build_dependency(pruned, dummy_input(shape, next(pruned.parameters()).device))
    coupled = list(graph.get_all_groups(ignored_layers=[_output(pruned)], root_module_types=CONVOLUTIONS))
    square_norm = GroupMagnitudeImportance(p=2, group_reduction="sum", normalizer=None)
    # All channels are ranked before any is removed: the weights between two layers count for both.
    removed = [smallest(square_norm(group), share) for group in coupled]
    for group, channels in zip(coupled, removed, strict=True):
        if channels:
            root = group[0].dep
            graph.get_pruning_group(root.target.module, root.handler, channels).prune()
    return pruned


def prune_units(network: nn.Module, share: float) -> nn.Module:
    """Return a copy with fewer hidden units in every layer of its LSTM: our reading, since an LSTM has no channels.

    A unit's norm is that of all weights that are removed with it: its rows in the four gates, biases included, its
    columns in the recurrent weights, and its column in the next layer. All layers keep the same number of units, which
    are ranked in each layer by itself.

    Args:
        network: to prune; it is not changed.
        share: of the units of every layer that is removed.

    Raises:
        InputError: the network is not one LSTM, in one direction and without projection, before one linear layer.
    """
    names = {module: name for name, module in network.named_modules()}
    lstms = [module for module in names if isinstance(module, nn.LSTM)]
    lstm, output = lstms[0], _output(network)
    plain = len(lstms) == 1 and not lstm.bidirectional and not lstm.proj_size
    if not plain or not isinstance(output, nn.Linear) or output.in_features != lstm.hidden_size:
        raise InputError(
            "pruning: of recurrent networks it supports one LSTM in one direction before one linear layer; "
            "leave pruning out of this victim's experiment"
        )
    state = network.state_dict()
    inputs = torch.arange(lstm.input_size)
    for layer in range(lstm.num_layers):
        last = layer + 1 == lstm.num_layers
        following = output.weight if last else lstm.get_parameter(f"weight_ih_l{layer + 1}")
        units = _kept(unit_norms(lstm, layer, following), share)
        for name, value in _without_units(lstm, layer, inputs, units).items():
            state[f"{names[lstm]}.{name}"] = value
        inputs = units
    state[f"{names[output]}.weight"] = output.weight[:, inputs]
    return resize_layers(network, state).eval()


def _without_units(lstm: nn.LSTM, layer: int, inputs: torch.Tensor, units: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return a layer's parameters for the inputs and units that are kept."""
    rows = (lstm.hidden_size * torch.arange(GATES)[:, None] + units).flatten()
    columns = {f"weight_ih_l{layer}": inputs, f"weight_hh_l{layer}": units}
    kept = {name: value[rows] for name, value in _parameters(lstm, layer).items()}
    return kept | {name: kept[name][:, chosen] for name, chosen in columns.items()}


def unit_norms(lstm: nn.LSTM, layer: int, following: torch.Tensor) -> torch.Tensor:
    """Return the L2 norms (hidden,) of the weights that are removed with each unit of a layer.

    Args:
        lstm: of the units.
        layer: index of the layer.
        following: weights (outputs, hidden) of the next layer.
    """
    parameters = _parameters(lstm, layer)
    # (to unit, from unit), over the gates
    recurrent = parameters.pop(f"weight_hh_l{layer}").square().reshape(GATES, lstm.hidden_size, -1).sum(0)
    # A unit's weights from itself are in both its row and its column, and count once.
    squares: torch.Tensor = recurrent.sum(1) + recurrent.sum(0) - recurrent.diagonal()
    for rows in parameters.values():  # (4 hidden, inputs) or (4 hidden,)
        squares = squares + rows.square().reshape(GATES, lstm.hidden_size, -1).sum((0, 2))
    return (squares + following.detach().square().sum(0)).sqrt()


def _parameters(lstm: nn.LSTM, layer: int) -> dict[str, torch.Tensor]:
    """Return the parameters of one layer by name."""
    return {name: value.detach() for name, value in lstm.named_parameters() if name.endswith(f"_l{layer}")}


def smallest(norms: torch.Tensor, share: float) -> list[int]:
    """Return the indices of the smallest norms: round(share × their number), and never all; of equals, the first.

    >>> smallest(torch.tensor([0.3, 0.1, 0.2, 0.4]), 0.5)
    [1, 2]
    """
    count = min(round(share * len(norms)), len(norms) - 1)
    indices: list[int] = torch.argsort(norms.cpu(), stable=True)[:count].tolist()
    return indices


def _kept(norms: torch.Tensor, share: float) -> torch.Tensor:
    """Return the indices of the norms that are not among the smallest, ascending."""
    kept = torch.ones(len(norms), dtype=torch.bool)
    kept[smallest(norms, share)] = False
    return kept.nonzero().flatten()


def _output(network: nn.Module) -> nn.Module:
    """Return the output layer, the last one with weights."""
    return [module for module in network.modules() if isinstance(module, (nn.Linear, *CONVOLUTIONS))][-1]
