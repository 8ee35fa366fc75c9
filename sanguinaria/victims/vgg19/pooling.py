"""Averages over a grid: pictures of any size for layers of one size."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class PooledTo(nn.Module):
    """Averages over a grid of ``size`` × ``size`` parts: (utterances, channels, bands, frames) of any size.

    It computes what :class:`torch.nn.AdaptiveAvgPool2d` does, as matrix products: that one's gradient on a GPU is not
    the same twice.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        bands, frames = (_averages(length, self.size).to(inputs) for length in inputs.shape[2:])
        found: torch.Tensor = _Weighted.apply(inputs, bands, frames)  # type: ignore[no-untyped-call]
        return found


class _Weighted(torch.autograd.Function):
    """bands · inputs · framesᵀ in one step: torch-pruning, which follows the steps, takes the reshaping that is in a
    product of four dimensions for one of the channels, and fills the memory."""

    @staticmethod
    def forward(context: Any, inputs: torch.Tensor, bands: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(bands, frames)
        with torch.autocast(inputs.device.type, enabled=False):
            return bands @ inputs @ frames.T

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        bands, frames = context.saved_tensors
        return bands.T @ gradients[0] @ frames, None, None


def _averages(length: int, parts: int) -> torch.Tensor:
    """A matrix (parts, length) that averages each part of a sequence; parts overlap where they do not divide it, and
    may be single elements."""
    starts = torch.arange(parts) * length // parts
    ends = -(-torch.arange(1, parts + 1) * length // parts)
    places = torch.arange(length)
    inside = (places >= starts[:, None]) & (places < ends[:, None])
    return inside / inside.sum(1, keepdim=True)
