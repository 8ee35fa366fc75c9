"""An invertible neural network with two branches, for host and message, as in WavMark, WAKE and PKDMark.

WavMark: Chen et al., arXiv:2308.12770. WAKE: Xu et al., "Watermarking Audio with Key Enrichment", section 2.1.1.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Literal

import torch
from torch import nn
from torch.nn.functional import leaky_relu

Layout = Literal["dense", "plain", "conv1d"]
Order = Literal["host_first", "message_first"]
# The clamp function α(s) = CLAMP·(2σ(s) − 1): scales stay between e^−2 and e^2, as in WavMark's code (`clamp = 2`).
CLAMP = 2.0
# Convolutions of a two-dimensional stack (WAKE, section 3; WavMark, WAKE and PKDMark have five).
LAYERS = 5
# Initial gain of a stack's last layer, beside its usual initial weights.
INITIAL_GAIN = 0.1


class DenseStack(nn.Module):
    """Five densely connected 3 × 3 convolutions over bins and frames; the input of each is the output of all before it.

    Args:
        growth: channels that each convolution adds.

    Shape:
        - Input: (utterances, 2, bins, frames)
        - Output: (utterances, 2, bins, frames)
    """

    def __init__(self, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(2 + layer * growth, growth, 3, padding=1) for layer in range(LAYERS - 1))
        self.last = _attenuated(nn.Conv2d(2 + (LAYERS - 1) * growth, 2, 3, padding=1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            added = leaky_relu(layer(features), 0.2)
            features = torch.cat([features.to(added.dtype), added], 1)
        outputs: torch.Tensor = self.last(features)
        return outputs


def plain_stack(width: int) -> nn.Sequential:
    """Build five 3 × 3 convolutions over bins and frames; (utterances, 2, bins, frames) → same."""
    channels = [2, *[width] * (LAYERS - 1)]
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(channels):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, _attenuated(nn.Conv2d(width, 2, 3, padding=1)))


def conv1d_stack(bins: int, width: int) -> nn.Sequential:
    """Build convolutions of kernel 1, 3 and 1 over frames with the bins as channels; (utterances, 2, bins, frames) →
    same.

    They take a small fraction of the operations of two-dimensional stacks, which have images of many channels, and
    train on one core.
    """
    return nn.Sequential(
        nn.Flatten(1, 2),
        nn.Conv1d(2 * bins, width, 1),
        nn.LeakyReLU(0.2),
        nn.Conv1d(width, width, 3, padding=1),
        nn.LeakyReLU(0.2),
        _attenuated(nn.Conv1d(width, 2 * bins, 1)),
        nn.Unflatten(1, (2, bins)),
    )


def transformation(layout: Layout, bins: int, width: int) -> nn.Module:
    """Build a transformation φ, ρ or η.

    Args:
        layout: its architecture.
        bins: of its input.
        width: growth of a dense stack, channels of the others.

    Returns:
        A network that maps (utterances, 2, bins, frames) to the same shape.
    """
    if layout == "conv1d":
        return conv1d_stack(bins, width)
    return DenseStack(width) if layout == "dense" else plain_stack(width)


def _attenuated(layer: nn.Conv1d | nn.Conv2d) -> nn.Conv1d | nn.Conv2d:
    """Attenuate a stack's last layer: a block then changes little at first. At 0, as in WavMark, training is slow."""
    with torch.no_grad():
        layer.weight.mul_(INITIAL_GAIN)
        if layer.bias is not None:
            layer.bias.zero_()
    return layer


class InvertibleBlock(nn.Module):
    """WAKE's invertible block, Eq. 1.

    - ``host_first``, the paper's order: x' = x + φ(m)·k, then m' = m ⊙ exp(α(ρ(x'))) + η(x'). The inverse of the first
      block computes m before it uses k, so that the decoded message does not depend on this bit of the key.
    - ``message_first``: m' = m ⊙ exp(α(ρ(x))) + η(x), then x' = x + φ(m')·k. The message depends on every bit.

    In bfloat16, only φ, ρ and η compute in it: host and message stay in float32.

    Args:
        make: builds φ, ρ and η.
        order: of the two updates.

    Shape:
        - Input: host x and message m (utterances, 2, bins, frames), key k (utterances,)
        - Output: x' and m' (utterances, 2, bins, frames)
    """

    def __init__(self, make: Callable[[], nn.Module], order: Order) -> None:
        super().__init__()
        self.phi, self.rho, self.eta = make(), make(), make()
        self.order = order

    def forward(
        self, host: torch.Tensor, message: torch.Tensor, key: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self.order == "host_first":
            host = host + self.phi(message) * _as_features(key)
            return host, message * self._log_scale(host).exp() + self.eta(host)
        message = message * self._log_scale(host).exp() + self.eta(host)
        return host + self.phi(message) * _as_features(key), message

    def inverse(
        self, host: torch.Tensor, message: torch.Tensor, key: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute the inputs of :meth:`forward` from its outputs."""
        if self.order == "host_first":
            message = (message - self.eta(host)) * (-self._log_scale(host)).exp()
            return host - self.phi(message) * _as_features(key), message
        host = host - self.phi(message) * _as_features(key)
        return host, (message - self.eta(host)) * (-self._log_scale(host)).exp()

    def _log_scale(self, host: torch.Tensor) -> torch.Tensor:
        """The clamped log-scale α(ρ(x))."""
        log_scale: torch.Tensor = CLAMP * (2 * self.rho(host).float().sigmoid() - 1)
        return log_scale


class InvertibleNetwork(nn.Module):
    """A sequence of invertible blocks, with one factor of the key for each.

    Args:
        blocks: their number.
        make: builds one transformation.
        order: of a block's two updates.

    Shape:
        - Input: host and message (utterances, 2, bins, frames), key (utterances, blocks)
        - Output: marked host and redundancy (utterances, 2, bins, frames)
    """

    def __init__(self, blocks: int, make: Callable[[], nn.Module], order: Order) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(InvertibleBlock(make, order) for _ in range(blocks))

    def forward(
        self, host: torch.Tensor, message: torch.Tensor, key: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        for block, factor in zip(self.blocks, key.unbind(1), strict=True):
            host, message = block(host, message, factor)
        return host, message

    def inverse(
        self, host: torch.Tensor, message: torch.Tensor, key: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute host and message from the marked host and the redundancy, or an estimate of it."""
        for block, factor in zip(reversed(self.blocks), reversed(key.unbind(1)), strict=True):
            assert isinstance(block, InvertibleBlock)
            host, message = block.inverse(host, message, factor)
        return host, message


def _as_features(key: torch.Tensor) -> torch.Tensor:
    """(utterances,) → (utterances, 1, 1, 1)."""
    return key[:, None, None, None]
