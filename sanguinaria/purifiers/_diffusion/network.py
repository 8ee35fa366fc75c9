"""DiffWave: what estimates the noise in speech (Kong et al., 2021, arXiv:2009.09761, section 3 and appendix A).

Residual layers of dilated convolutions that look both ways. TDAP's CDAP (section 2.3) is this network with a condition.
"""

from __future__ import annotations

from math import log, sqrt

import torch
from torch import nn

KERNEL = 3
# DiffWave's embedding of the step (its section 3.1): 64 frequencies, and two layers of 512. Its frequencies reach 10⁴
# rad a step; these reach 1, so that what is between two steps, where fast sampling asks, is embedded between them.
FREQUENCIES, HIDDEN = 64, 512
SLOWEST = 1e-4


class StepEmbedding(nn.Module):
    """Steps of the diffusion (utterances,), which need not be whole ones, → (utterances, :data:`HIDDEN`)."""

    frequencies: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        frequencies = torch.exp(-log(SLOWEST) * (torch.arange(FREQUENCIES) / (FREQUENCIES - 1) - 1))
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.layers = nn.Sequential(nn.Linear(2 * FREQUENCIES, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN), nn.SiLU())

    def forward(self, times: torch.Tensor) -> torch.Tensor:
        angles = times[:, None] * self.frequencies
        embedded: torch.Tensor = self.layers(torch.cat([angles.sin(), angles.cos()], -1))
        return embedded


class ResidualLayer(nn.Module):
    """One dilated layer: (x, step, condition) → (x', what it adds to the output)."""

    def __init__(self, channels: int, dilation: int, condition: int) -> None:
        super().__init__()
        self.step = nn.Linear(HIDDEN, channels)
        self.dilated = nn.Conv1d(channels, 2 * channels, KERNEL, padding=dilation, dilation=dilation)
        self.condition = nn.Conv1d(condition, 2 * channels, 1) if condition else None
        self.output = nn.Conv1d(channels, 2 * channels, 1)

    def forward(
        self, hidden: torch.Tensor, step: torch.Tensor, condition: torch.Tensor | None, hop: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        mixed = self.dilated(hidden + self.step(step)[..., None])  # (utterances, 2·channels, samples)
        if self.condition is not None and condition is not None:
            # A 1 × 1 convolution and an interpolation over time commute: so it is done once a frame, not once a sample.
            mixed = mixed + stretched(self.condition(condition), hop)[..., : mixed.shape[-1]]
        gate, value = mixed.chunk(2, 1)
        residual, skipped = self.output(gate.sigmoid() * value.tanh()).chunk(2, 1)
        return (hidden + residual) / sqrt(2), skipped


class DiffWave(nn.Module):
    """Estimates ε* from noisy speech, its step and a condition.

    Args:
        layers: residual layers, N.
        channels: of each.
        cycle: layers of a cycle, whose dilations are 1, 2, …, 2^(cycle − 1).
        condition: channels of the condition; 0 for a network without one.
        hop: samples between frames of the condition.

    Shape: (utterances, samples), (utterances,), (utterances, condition, frames) → (utterances, samples), with a frame
        at samples 0, hop, 2·hop, … of the utterance.
    """

    def __init__(self, layers: int, channels: int, cycle: int, condition: int = 0, hop: int = 256) -> None:
        super().__init__()
        self.hop = hop
        self.dilations: list[int] = [2 ** (layer % cycle) for layer in range(layers)]
        self.input = nn.Conv1d(1, channels, 1)
        self.embedding = StepEmbedding()
        self.layers = nn.ModuleList(ResidualLayer(channels, dilation, condition) for dilation in self.dilations)
        self.skipped = nn.Conv1d(channels, channels, 1)
        self.output = nn.Conv1d(channels, 1, 1)
        for convolution in (module for module in self.modules() if isinstance(module, nn.Conv1d)):
            nn.init.kaiming_normal_(convolution.weight)
        # At first it estimates nothing, from which it learns quickest (DiffWave's code).
        nn.init.zeros_(self.output.weight)

    @property
    def receptive_field(self) -> int:
        """Samples of the input that one of the output depends on."""
        return 1 + (KERNEL - 1) * int(sum(self.dilations))

    def forward(self, audio: torch.Tensor, times: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
        step = self.embedding(times)
        hidden = self.input(audio[:, None]).relu()  # (utterances, channels, samples)
        output = torch.zeros_like(hidden)
        for layer in self.layers:
            hidden, skipped = layer(hidden, step, condition, self.hop)
            output = output + skipped
        estimated: torch.Tensor = self.output(self.skipped(output / sqrt(len(self.layers))).relu())
        return estimated[:, 0]


def stretched(frames: torch.Tensor, hop: int) -> torch.Tensor:
    """Frames (…, frames) at every sample between them, in straight lines, (…, frames·hop); the last one is held.

    >>> stretched(torch.tensor([0.0, 1.0]), 4)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000, 1.0000, 1.0000, 1.0000])
    """
    following = torch.cat([frames[..., 1:], frames[..., -1:]], -1)
    shares = torch.arange(hop, device=frames.device, dtype=frames.dtype) / hop
    return torch.lerp(frames[..., None], following[..., None], shares).flatten(-2)
