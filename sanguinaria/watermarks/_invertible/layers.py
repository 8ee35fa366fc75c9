"""An invertible network with two branches, a host's and a message's, as in WavMark, WAKE and PKDMark.

WavMark: Chen et al., arXiv:2308.12770. WAKE: Xu et al., "Watermarking Audio with Key Enrichment", section 2.1.1.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Literal

import torch
from torch import nn
from torch.nn.functional import leaky_relu

Layout = Literal["dense", "plain", "lines"]
Order = Literal["host_first", "message_first"]
# α(s) = CLAMP·(2σ(s) − 1): scales stay between e^−2 and e^2, as in WavMark's code (`clamp = 2`).
CLAMP = 2.0
# Convolutions of a two-dimensional stack (WAKE, section 3; WavMark, WAKE and PKDMark have five).
LAYERS = 5
# Gain of what a stack gives at first, beside what its layers' usual weights would.
FIRST_GAIN = 0.1


class Dense(nn.Module):
    """Five 3 × 3 convolutions over bins and frames, each of which sees all before it; (u, 2, bins, frames) → same."""

    def __init__(self, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(2 + layer * growth, growth, 3, padding=1) for layer in range(LAYERS - 1))
        self.last = _softened(nn.Conv2d(2 + (LAYERS - 1) * growth, 2, 3, padding=1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            features = torch.cat([features, leaky_relu(layer(features), 0.2)], 1)
        found: torch.Tensor = self.last(features)
        return found


def plain(width: int) -> nn.Sequential:
    """Five 3 × 3 convolutions over bins and frames, one after another; (u, 2, bins, frames) → same."""
    channels = [2, *[width] * (LAYERS - 1)]
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(channels):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, _softened(nn.Conv2d(width, 2, 3, padding=1)))


def lines(bins: int, width: int) -> nn.Sequential:
    """Convolutions of width 1, 3 and 1 over frames, with the bins as channels; (u, 2, bins, frames) → same.

    A small fraction of the two-dimensional stacks' work, as there is no image of many channels: it trains on one core.
    """
    return nn.Sequential(
        nn.Flatten(1, 2),
        nn.Conv1d(2 * bins, width, 1),
        nn.LeakyReLU(0.2),
        nn.Conv1d(width, width, 3, padding=1),
        nn.LeakyReLU(0.2),
        _softened(nn.Conv1d(width, 2 * bins, 1)),
        nn.Unflatten(1, (2, bins)),
    )


def stack(layout: Layout, bins: int, width: int) -> nn.Module:
    """One transformation φ, ρ or η; ``width`` is the growth of a dense one and the channels of the others."""
    if layout == "lines":
        return lines(bins, width)
    return Dense(width) if layout == "dense" else plain(width)


def _softened(layer: nn.Conv1d | nn.Conv2d) -> nn.Conv1d | nn.Conv2d:
    """A stack's last layer: near 0, a block changes little at first. At 0, as in WavMark, learning starts slowly."""
    with torch.no_grad():
        layer.weight.mul_(FIRST_GAIN)
        if layer.bias is not None:
            layer.bias.zero_()
    return layer


class Block(nn.Module):
    """WAKE's invertible block, Eq. 1, with φ, ρ and η from ``make`` and α the clamp of :data:`CLAMP`.

    Features are (utterances, 2, bins, frames), keys (utterances,).

    - ``host_first``, the paper's order: x' = x + φ(m)·k, then m' = m ⊙ exp(α(ρ(x'))) + η(x'). Undoing the first block
      gives m before k is used, so this bit of the key is in no message that is read.
    - ``message_first``: m' = m ⊙ exp(α(ρ(x))) + η(x), then x' = x + φ(m')·k. Every bit counts.
    """

    def __init__(self, make: Callable[[], nn.Module], order: Order) -> None:
        super().__init__()
        self.phi, self.rho, self.eta = make(), make(), make()
        self.order = order

    def forward(
        self, host: torch.Tensor, message: torch.Tensor, key: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self.order == "host_first":
            host = host + self.phi(message) * _spread(key)
            return host, message * self._scale(host).exp() + self.eta(host)
        message = message * self._scale(host).exp() + self.eta(host)
        return host + self.phi(message) * _spread(key), message

    def inverse(
        self, host: torch.Tensor, message: torch.Tensor, key: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What :meth:`forward` made these of."""
        if self.order == "host_first":
            message = (message - self.eta(host)) * (-self._scale(host)).exp()
            return host - self.phi(message) * _spread(key), message
        host = host - self.phi(message) * _spread(key)
        return host, (message - self.eta(host)) * (-self._scale(host)).exp()

    def _scale(self, host: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = CLAMP * (2 * self.rho(host).sigmoid() - 1)
        return found


class Invertible(nn.Module):
    """Blocks one after another, with one factor of the key for each.

    Features are (utterances, 2, bins, frames), keys (utterances, blocks).
    """

    def __init__(self, blocks: int, make: Callable[[], nn.Module], order: Order) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(make, order) for _ in range(blocks))

    def forward(
        self, host: torch.Tensor, message: torch.Tensor, key: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The marked host, and what is left of the message: the redundancy."""
        for block, factor in zip(self.blocks, key.unbind(1), strict=True):
            host, message = block(host, message, factor)
        return host, message

    def inverse(
        self, host: torch.Tensor, message: torch.Tensor, key: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Host and message, from the marked host and the redundancy, or a guess of it."""
        for block, factor in zip(reversed(self.blocks), reversed(key.unbind(1)), strict=True):
            assert isinstance(block, Block)
            host, message = block.inverse(host, message, factor)
        return host, message


def _spread(key: torch.Tensor) -> torch.Tensor:
    return key[:, None, None, None]
