"""The condition of a diffusion: what the noisy speech's spectrum, and what is said in it, tell the network (CDAP, TDAP,
section 2.3)."""

from __future__ import annotations

from math import log, sqrt

import torch
from torch import nn

# Levels in dB that a spectrum is brought from to [0, 1], as DiffWave's public code does its mel spectra.
FLOOR, REFERENCE, RANGE = 1e-5, 20.0, 100.0
HEADS = 4
SLOWEST = 1e-4


class Condition(nn.Module):
    """Noisy speech and embedded text → one condition a frame, by a linear projection of both.

    The paper tells neither how wide the attention is nor what it attends to: here each frame attends to all frames of
    its utterance, with queries, keys and values from convolutions over three of them.

    Args:
        window, hop: samples of the spectrum's Hann windows; a frame is centred at samples 0, hop, 2·hop, ….
        width: channels of the attention, a multiple of twice :data:`HEADS`.
        text: features of an embedded text; 0 where there is none.
        channels: of the condition.

    Shape: (utterances, samples), (utterances, text) → (utterances, channels, samples // hop + 1).
    """

    window: torch.Tensor

    def __init__(self, window: int, hop: int, width: int, text: int, channels: int) -> None:
        super().__init__()
        self.hop, self.text = hop, text
        self.register_buffer("window", torch.hann_window(window), persistent=False)
        self.input = nn.Conv1d(window // 2 + 1, width, 3, padding=1)
        self.attention = ConvolutionalAttention(width)
        self.projection = nn.Linear(width + text, channels)

    def forward(self, audio: torch.Tensor, texts: torch.Tensor | None = None) -> torch.Tensor:
        features = self.attention(self.input(self.spectrum(audio)).relu()).transpose(1, 2)
        if self.text:
            told = audio.new_zeros(len(audio), self.text) if texts is None else texts
            features = torch.cat([features, told[:, None].expand(-1, features.shape[1], -1)], -1)
        projected: torch.Tensor = self.projection(features)
        return projected.transpose(1, 2)

    def spectrum(self, audio: torch.Tensor) -> torch.Tensor:
        """Levels in [0, 1], (utterances, window / 2 + 1, frames)."""
        size = len(self.window)
        found = torch.stft(audio, size, self.hop, window=self.window, return_complex=True, pad_mode="constant")
        levels = 20 * torch.log10(found.abs().clamp(min=FLOOR)) - REFERENCE
        return ((levels + RANGE) / RANGE).clamp(0, 1)


class ConvolutionalAttention(nn.Module):
    """x + attention(x), normed: (utterances, width, frames) → the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.queries = nn.Conv1d(width, 3 * width, 3, padding=1)
        self.output = nn.Conv1d(width, width, 1)
        self.norm = nn.LayerNorm(width)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        queries, keys, values = (self._heads(part) for part in self.queries(self._placed(inputs)).chunk(3, 1))
        weights = (queries @ keys.transpose(-1, -2) / sqrt(queries.shape[-1])).softmax(-1)
        attended = (weights @ values).transpose(-1, -2).flatten(1, 2)  # (utterances, width, frames)
        normed: torch.Tensor = self.norm((inputs + self.output(attended)).transpose(1, 2))
        return normed.transpose(1, 2)

    @staticmethod
    def _heads(part: torch.Tensor) -> torch.Tensor:
        """(utterances, width, frames) → (utterances, heads, frames, width / heads)."""
        count, width, frames = part.shape
        return part.reshape(count, HEADS, width // HEADS, frames).transpose(-1, -2)

    @staticmethod
    def _placed(inputs: torch.Tensor) -> torch.Tensor:
        """With sines of the frame's number added (Vaswani et al., 2017, arXiv:1706.03762, section 3.5)."""
        width, frames = inputs.shape[1:]
        rates = torch.exp(log(SLOWEST) * torch.arange(width // 2, device=inputs.device) / (width // 2))
        angles = rates[:, None] * torch.arange(frames, device=inputs.device)
        return inputs + torch.cat([angles.sin(), angles.cos()])
