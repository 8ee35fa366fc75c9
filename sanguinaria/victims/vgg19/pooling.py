"""Adaptive average pooling with a deterministic gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class AdaptiveAveragePooling(nn.Module):
    """Averages over a grid of ``size`` × ``size`` parts of the bands and the frames.

    The same as :class:`torch.nn.AdaptiveAvgPool2d`, as matrix products: the gradient of that one is not deterministic
    on a GPU.

    Shape:
        - Input: (utterances, channels, bands, frames)
        - Output: (utterances, channels, size, size)
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        bands, frames = (_averaging_matrix(length, self.size).to(inputs) for length in inputs.shape[2:])
        pooled: torch.Tensor = _WeightedSums.apply(inputs, bands, frames)  # type: ignore[no-untyped-call]
        return pooled


class _WeightedSums(torch.autograd.Function):
    """bands · inputs · framesᵀ as one operation.

    torch-pruning follows the operations. In a product of four dimensions it takes the reshaping for one of the
    channels, and fills the memory.
    """

    @staticmethod
    def forward(context: Any, inputs: torch.Tensor, bands: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(bands, frames)
        with torch.autocast(inputs.device.type, enabled=False):
            return bands @ inputs @ frames.T

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        bands, frames = context.saved_tensors
        return bands.T @ gradients[0] @ frames, None, None


def _averaging_matrix(length: int, parts: int) -> torch.Tensor:
    """A matrix (parts, length) that averages each part of a sequence.

    Parts overlap where their number does not divide the length, and may be single elements.

    Example:
        >>> _averaging_matrix(3, 2).tolist()
        [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]
    """
    starts = torch.arange(parts) * length // parts
    ends = -(-torch.arange(1, parts + 1) * length // parts)
    positions = torch.arange(length)
    inside = (positions >= starts[:, None]) & (positions < ends[:, None])
    return inside / inside.sum(1, keepdim=True)
