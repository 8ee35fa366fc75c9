"""How a message becomes features of the shape of a host's spectrum, and is read from such features again."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from sanguinaria.watermarks._invertible.spectra import Band

Form = Literal["wave", "map", "cells"]


class MessageWave(nn.Module):
    """WavMark's and WAKE's: a linear layer makes a waveform of the message, whose spectrum is taken, and back again."""

    def __init__(self, bits: int, band: Band, samples: int) -> None:
        super().__init__()
        # The message is no sound, so there is nothing to compress.
        self.band = Band(band.fft, band.hop, band.first, band.bins)
        self.samples = samples
        self.write_layer = nn.Linear(bits, samples)
        self.read_layer = nn.Linear(samples, bits)

    def write(self, symbols: torch.Tensor) -> torch.Tensor:
        """(utterances, bits) of ±1 → (utterances, 2, bins, frames)."""
        return self.band.analyse(self.write_layer(symbols))

    def read(self, features: torch.Tensor) -> torch.Tensor:
        """(utterances, 2, bins, frames) → a logit for each bit, (utterances, bits)."""
        logits: torch.Tensor = self.read_layer(self.band.synthesise(features, self.samples))
        return logits


class MessageMap(nn.Module):
    """PKDMark's complex message feature map, Eq. 1: one vector over the bins, repeated over time and both parts.

    Each bit's embedding goes through two layers, and the mean over the bits is the vector. It is read from the mean
    over time and parts by two layers.
    """

    def __init__(self, bits: int, bins: int, frames: int, width: int) -> None:
        super().__init__()
        self.frames = frames
        # Row 2i + b is the embedding of bit i where it is b.
        self.embedding = nn.Embedding(2 * bits, width)
        self.write_layers = nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, bins))
        self.read_layers = nn.Sequential(nn.Linear(bins, 2 * width), nn.LeakyReLU(0.2), nn.Linear(2 * width, bits))

    def write(self, symbols: torch.Tensor) -> torch.Tensor:
        """(utterances, bits) of ±1 → (utterances, 2, bins, frames)."""
        rows = 2 * torch.arange(symbols.shape[1], device=symbols.device) + (symbols > 0)
        vector: torch.Tensor = self.write_layers(self.embedding(rows)).sum(1) / symbols.shape[1] ** 0.5
        return vector[:, None, :, None].expand(-1, 2, -1, self.frames)

    def read(self, features: torch.Tensor) -> torch.Tensor:
        """(utterances, 2, bins, frames) → a logit for each bit, (utterances, bits)."""
        logits: torch.Tensor = self.read_layers(features.mean((1, 3)))
        return logits


class MessageCells(nn.Module):
    """A code for each bit over the cells of ``period`` frames, the same again after those; read by such codes as well.

    Of the three it is learnt soonest: a bit has thousands of numbers of its own, and none is shared with another bit.
    """

    def __init__(self, bits: int, bins: int, frames: int, period: int) -> None:
        super().__init__()
        self.bins, self.frames, self.period = bins, frames, period
        self.write_layer = nn.Linear(bits, 2 * bins * period)
        self.read_layer = nn.Linear(2 * bins * period, bits)

    def write(self, symbols: torch.Tensor) -> torch.Tensor:
        """(utterances, bits) of ±1 → (utterances, 2, bins, frames)."""
        codes: torch.Tensor = self.write_layer(symbols).reshape(len(symbols), 2, self.bins, self.period)
        return codes.repeat(1, 1, 1, -(-self.frames // self.period))[..., : self.frames]

    def read(self, features: torch.Tensor) -> torch.Tensor:
        """(utterances, 2, bins, frames) → a logit for each bit, (utterances, bits)."""
        times = -(-self.frames // self.period)
        padded = torch.nn.functional.pad(features, (0, times * self.period - self.frames))
        folded = padded.unflatten(3, (times, self.period)).sum(3) * (self.period / self.frames)  # type: ignore[no-untyped-call]
        logits: torch.Tensor = self.read_layer(folded.flatten(1))
        return logits
