"""DiffWave, the noise estimator (Kong et al., 2021, arXiv:2009.09761, section 3 and appendix A).

Residual layers of non-causal dilated convolutions. TDAP's CDAP (section 2.3) is this network with a condition.
"""

from __future__ import annotations

from math import log, sqrt

import torch
from torch import nn

KERNEL = 3
# DiffWave's embedding of the diffusion step (its section 3.1): 64 frequencies, and two layers of 512. Its frequencies
# reach 10⁴ rad a step; these reach 1, so that the fractional steps of fast sampling are embedded between whole ones.
FREQUENCIES, HIDDEN = 64, 512
LOWEST_FREQUENCY = 1e-4


class StepEmbedding(nn.Module):
    """Sinusoidal embedding of diffusion steps, which may be fractional, with two linear layers.

    Shape:
        - Input: (utterances,)
        - Output: (utterances, :data:`HIDDEN`)
    """

    frequencies: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        frequencies = torch.exp(-log(LOWEST_FREQUENCY) * (torch.arange(FREQUENCIES) / (FREQUENCIES - 1) - 1))
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.layers = nn.Sequential(nn.Linear(2 * FREQUENCIES, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN), nn.SiLU())

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        angles = steps[:, None] * self.frequencies
        embedded: torch.Tensor = self.layers(torch.cat([angles.sin(), angles.cos()], -1))
        return embedded


class ResidualLayer(nn.Module):
    """Residual layer with a gated dilated convolution and a skip output.

    Args:
        channels: of the layer.
        dilation: of its convolution.
        condition: channels of the condition; 0 without conditioning.

    Shape:
        - Input: hidden states (utterances, channels, samples), step embedding (utterances, :data:`HIDDEN`), condition
          (utterances, condition, frames), and the hop length of its frames
        - Output: hidden states and skip output, (utterances, channels, samples) each
    """

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
            # A 1 × 1 convolution and an interpolation over time commute, so it is computed per frame, not per sample.
            mixed = mixed + interpolate_frames(self.condition(condition), hop)[..., : mixed.shape[-1]]
        gate, value = mixed.chunk(2, 1)
        residual, skip = self.output(gate.sigmoid() * value.tanh()).chunk(2, 1)
        return (hidden + residual) / sqrt(2), skip


class DiffWave(nn.Module):
    """Estimates ε* from the speech x_t, its diffusion step t and a condition.

    Args:
        layers: residual layers, N.
        channels: of each residual layer.
        cycle: layers of a dilation cycle, whose dilations are 1, 2, …, 2^(cycle − 1).
        condition: channels of the condition; 0 without conditioning.
        hop: samples between frames of the condition, which are centred at samples 0, hop, 2·hop, ….

    Shape:
        - Input: (utterances, samples), steps (utterances,), and optionally a condition (utterances, condition, frames)
        - Output: (utterances, samples)
    """

    def __init__(self, *, layers: int, channels: int, cycle: int, condition: int = 0, hop: int = 256) -> None:
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
        # The first estimates are 0, from which training converges fastest (DiffWave's code).
        nn.init.zeros_(self.output.weight)

    @property
    def receptive_field(self) -> int:
        """Receptive field in samples."""
        return 1 + (KERNEL - 1) * int(sum(self.dilations))

    def forward(self, audio: torch.Tensor, steps: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
        step = self.embedding(steps)
        hidden = self.input(audio[:, None]).relu()  # (utterances, channels, samples)
        skips = torch.zeros_like(hidden, dtype=torch.float32)  # also in bfloat16: a sum of many terms
        for layer in self.layers:
            hidden, skip = layer(hidden, step, condition, self.hop)
            skips = skips + skip
        noise: torch.Tensor = self.output(self.skipped(skips / sqrt(len(self.layers))).relu())
        return noise[:, 0].float()


def interpolate_frames(frames: torch.Tensor, hop: int) -> torch.Tensor:
    """Interpolate frames linearly at every sample between them; the last frame is held.

    Shape:
        - Input: (…, frames)
        - Output: (…, frames·hop)

    >>> interpolate_frames(torch.tensor([0.0, 1.0]), 4)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000, 1.0000, 1.0000, 1.0000])
    """
    following = torch.cat([frames[..., 1:], frames[..., -1:]], -1)
    shares = torch.arange(hop, device=frames.device, dtype=frames.dtype) / hop
    return torch.lerp(frames[..., None], following[..., None], shares).flatten(-2)
