"""Encodings of a message as features of the shape of the host's spectrum, and their decoders."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from sanguinaria.core.devices import in_float32
from sanguinaria.watermarks._invertible.spectra import Band

Encoding = Literal["waveform", "map", "cell_codes"]


class WaveformEncoding(nn.Module):
    """The encoding of WavMark and WAKE: the spectrum of a waveform that a linear layer makes of the message.

    Args:
        bits: of the message.
        band: of the host's spectrum.
        samples: of the waveform.

    Shape:
        - :meth:`encode`: (utterances, bits) → (utterances, 2, bins, frames)
        - :meth:`decode`: (utterances, 2, bins, frames) → (utterances, bits)
    """

    def __init__(self, bits: int, band: Band, samples: int) -> None:
        super().__init__()
        # Without compression, which is meant for audio.
        self.band = Band(band.fft, band.hop, band.first, band.bins)
        self.samples = samples
        self.encoder = nn.Linear(bits, samples)
        self.decoder = nn.Linear(samples, bits)

    @in_float32
    def encode(self, symbols: torch.Tensor) -> torch.Tensor:
        """Compute the features of symbols ±1."""
        return self.band.analyse(self.encoder(symbols))

    @in_float32
    def decode(self, features: torch.Tensor) -> torch.Tensor:
        """Compute a logit for each bit."""
        logits: torch.Tensor = self.decoder(self.band.synthesise(features, self.samples))
        return logits


class FeatureMap(nn.Module):
    """PKDMark's complex message feature map, Eq. 1: one vector over the bins, repeated over time and both parts.

    The vector is the sum over the bits of their embeddings behind two layers, divided by the root of their number. The
    decoder has two layers behind the mean over time and parts.

    Args:
        bits: of the message.
        bins: of the host's spectrum.
        frames: likewise.
        width: of embeddings and hidden layers.

    Shape:
        - :meth:`encode`: (utterances, bits) → (utterances, 2, bins, frames)
        - :meth:`decode`: (utterances, 2, bins, frames) → (utterances, bits)
    """

    def __init__(self, bits: int, bins: int, frames: int, width: int) -> None:
        super().__init__()
        self.frames = frames
        # Row 2i + b is the embedding of bit i with value b.
        self.embedding = nn.Embedding(2 * bits, width)
        self.encoder = nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, bins))
        self.decoder = nn.Sequential(nn.Linear(bins, 2 * width), nn.LeakyReLU(0.2), nn.Linear(2 * width, bits))

    @in_float32
    def encode(self, symbols: torch.Tensor) -> torch.Tensor:
        """Compute the features of symbols ±1."""
        rows = 2 * torch.arange(symbols.shape[1], device=symbols.device) + (symbols > 0)
        vector: torch.Tensor = self.encoder(self.embedding(rows)).sum(1) / symbols.shape[1] ** 0.5
        return vector[:, None, :, None].expand(-1, 2, -1, self.frames)

    @in_float32
    def decode(self, features: torch.Tensor) -> torch.Tensor:
        """Compute a logit for each bit."""
        logits: torch.Tensor = self.decoder(features.mean((1, 3)))
        return logits


class CellCodes(nn.Module):
    """A code for each bit over the time–frequency cells of ``period`` frames, repeated over time.

    Of the three encodings it is learnt soonest: each bit has thousands of weights of its own, and shares none.

    Args:
        bits: of the message.
        bins: of the host's spectrum.
        frames: likewise.
        period: frames after which codes repeat.

    Shape:
        - :meth:`encode`: (utterances, bits) → (utterances, 2, bins, frames)
        - :meth:`decode`: (utterances, 2, bins, frames) → (utterances, bits)
    """

    def __init__(self, bits: int, bins: int, frames: int, period: int) -> None:
        super().__init__()
        self.bins, self.frames, self.period = bins, frames, period
        self.encoder = nn.Linear(bits, 2 * bins * period)
        self.decoder = nn.Linear(2 * bins * period, bits)

    @in_float32
    def encode(self, symbols: torch.Tensor) -> torch.Tensor:
        """Compute the features of symbols ±1."""
        codes: torch.Tensor = self.encoder(symbols).reshape(len(symbols), 2, self.bins, self.period)
        return codes.repeat(1, 1, 1, -(-self.frames // self.period))[..., : self.frames]

    @in_float32
    def decode(self, features: torch.Tensor) -> torch.Tensor:
        """Compute a logit for each bit."""
        periods = -(-self.frames // self.period)
        padded = torch.nn.functional.pad(features, (0, periods * self.period - self.frames))
        folded = padded.unflatten(3, (periods, self.period)).sum(3) * (self.period / self.frames)  # type: ignore[no-untyped-call]
        logits: torch.Tensor = self.decoder(folded.flatten(1))
        return logits
