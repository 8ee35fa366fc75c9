"""Condition encoder of a diffusion: spectrum and text embedding of the noisy speech → the condition of each frame
(CDAP, TDAP, section 2.3)."""

from __future__ import annotations

from math import log, sqrt

import torch
from torch import nn

from sanguinaria.core.devices import in_float32

# Levels in dB that a spectrum is scaled from to [0, 1], as DiffWave's public code does its mel spectra.
FLOOR, REFERENCE, RANGE = 1e-5, 20.0, 100.0
HEADS = 4
# Lowest angular frequency of the positional encoding, in rad a frame.
LOWEST_FREQUENCY = 1e-4


class ConditionEncoder(nn.Module):
    """Spectrum with self-attention, and text embedding → one condition a frame, by a linear projection of both.

    The paper states neither the attention's width nor its keys: here each frame attends to all frames of its
    utterance, with queries, keys and values from convolutions over three frames.

    Args:
        window: length of the spectrum's Hann windows in samples.
        hop: samples between frames, which are centred at samples 0, hop, 2·hop, ….
        width: channels of the attention, a multiple of twice :data:`HEADS`.
        text: features of a text embedding; 0 without conditioning on text.
        channels: of the condition.

    Shape:
        - Input: (utterances, samples), and optionally text embeddings (utterances, text)
        - Output: (utterances, channels, samples // hop + 1)
    """

    window: torch.Tensor

    def __init__(self, *, window: int, hop: int, width: int, text: int, channels: int) -> None:
        super().__init__()
        self.hop, self.text = hop, text
        self.register_buffer("window", torch.hann_window(window), persistent=False)
        self.input = nn.Conv1d(window // 2 + 1, width, 3, padding=1)
        self.attention = ConvolutionalAttention(width)
        self.projection = nn.Linear(width + text, channels)

    def forward(self, audio: torch.Tensor, texts: torch.Tensor | None = None) -> torch.Tensor:
        features = self.attention(self.input(self.spectrum(audio)).relu()).transpose(1, 2)
        if self.text:
            embeddings = audio.new_zeros(len(audio), self.text) if texts is None else texts
            features = torch.cat([features, embeddings[:, None].expand(-1, features.shape[1], -1)], -1)
        projected: torch.Tensor = self.projection(features)
        return projected.transpose(1, 2)

    @in_float32
    def spectrum(self, audio: torch.Tensor) -> torch.Tensor:
        """Return the levels of the short-time spectrum, scaled to [0, 1].

        Shape:
            - Input: (utterances, samples)
            - Output: (utterances, window / 2 + 1, frames)
        """
        size = len(self.window)
        spectra = torch.stft(audio, size, self.hop, window=self.window, return_complex=True, pad_mode="constant")
        levels = 20 * torch.log10(spectra.abs().clamp(min=FLOOR)) - REFERENCE
        return ((levels + RANGE) / RANGE).clamp(0, 1)


class ConvolutionalAttention(nn.Module):
    """Multi-head self-attention with convolutional queries, keys and values, a residual connection and a layer norm.

    Args:
        width: channels, a multiple of twice :data:`HEADS`.

    Shape:
        - Input: (utterances, width, frames)
        - Output: (utterances, width, frames)
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.queries = nn.Conv1d(width, 3 * width, 3, padding=1)
        self.output = nn.Conv1d(width, width, 1)
        self.norm = nn.LayerNorm(width)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        projections = self.queries(self._with_positions(inputs)).chunk(3, 1)
        queries, keys, values = (self._heads(projection) for projection in projections)
        weights = (queries @ keys.transpose(-1, -2) / sqrt(queries.shape[-1])).float().softmax(-1)
        attended = (weights @ values).transpose(-1, -2).flatten(1, 2)  # (utterances, width, frames)
        normed: torch.Tensor = self.norm((inputs + self.output(attended)).float().transpose(1, 2))
        return normed.transpose(1, 2)

    @staticmethod
    def _heads(projection: torch.Tensor) -> torch.Tensor:
        """Split (utterances, width, frames) into (utterances, heads, frames, width / heads)."""
        count, width, frames = projection.shape
        return projection.reshape(count, HEADS, width // HEADS, frames).transpose(-1, -2)

    @staticmethod
    def _with_positions(inputs: torch.Tensor) -> torch.Tensor:
        """Add sinusoidal positional encodings (Vaswani et al., 2017, arXiv:1706.03762, section 3.5)."""
        width, frames = inputs.shape[1:]
        frequencies = torch.exp(log(LOWEST_FREQUENCY) * torch.arange(width // 2, device=inputs.device) / (width // 2))
        angles = frequencies[:, None] * torch.arange(frames, device=inputs.device)
        return inputs + torch.cat([angles.sin(), angles.cos()])
