"""A watermarking network around an invertible one: spectrum, key, message encoding, and an estimate of the redundancy.

WAKE (section 2.1), the variant with a mask of signs, and PKDMark without a key are configurations of it.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from sanguinaria.watermarks._invertible.keys import Key
from sanguinaria.watermarks._invertible.layers import InvertibleNetwork, Layout, Order, transformation
from sanguinaria.watermarks._invertible.message_encodings import CellCodes, Encoding, FeatureMap, WaveformEncoding
from sanguinaria.watermarks._invertible.spectra import MINIMUM_LEVEL, Band

# The estimate of the redundancy in decoding: WAKE's predict module, Gaussian noise (its ablation, Table 4), or the
# marked host itself (PKDMark, section III-B).
Redundancy = Literal["predict", "noise", "host"]
# Seed of Gaussian redundancy: the message decoded from a recording may not change from one time to the next.
NOISE_SEED = 0
# Keeps a gain finite where a network marks nothing.
POWER_FLOOR = 1e-12


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut (WAKE, Figure 4).

    Shape:
        - Input: (utterances, channels, …)
        - Output: (utterances, channels, …)
    """

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(first, nn.LeakyReLU(0.2), second)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = features + self.layers(features)
        return outputs


class PredictModule(nn.Module):
    """WAKE's predict module (section 2.1.2): an estimate of the redundancy from the marked host.

    In the paper, frames are the channels of a convolution and eight residual blocks. With the layout ``conv1d``, bins
    are the channels, as in the invertible network: every frame is processed alike, which is robust to time shifts.

    Args:
        layout: of the invertible network.
        bins: of the host's spectrum.
        frames: likewise.
        blocks: residual blocks.

    Shape:
        - Input: (utterances, 2, bins, frames)
        - Output: (utterances, 2, bins, frames)
    """

    def __init__(self, layout: Layout, bins: int, frames: int, blocks: int) -> None:
        super().__init__()
        self.bins_as_channels = layout == "conv1d"
        if self.bins_as_channels:
            layers = [nn.Conv1d(2 * bins, 2 * bins, 3, padding=1) for _ in range(1 + 2 * blocks)]
        else:
            layers = [nn.Conv2d(frames, frames, 3, padding=1) for _ in range(1 + 2 * blocks)]  # type: ignore[misc]
        self.layers = nn.Sequential(
            layers[0], *(ResidualBlock(*layers[1 + 2 * block : 3 + 2 * block]) for block in range(blocks))
        )

    def forward(self, host: torch.Tensor) -> torch.Tensor:
        if self.bins_as_channels:
            flat: torch.Tensor = self.layers(host.flatten(1, 2))
            return flat.reshape(host.shape).float()
        images: torch.Tensor = self.layers(host.permute(0, 3, 1, 2))  # frames as channels of images (2, bins)
        return images.permute(0, 2, 3, 1).float()


class KeyedNetwork(nn.Module):
    """Encoder and decoder of a keyed watermark for chunks of one length.

    Args:
        band: of the spectrum that is marked.
        samples: of a chunk.
        bits: of a chunk's message.
        blocks: of the invertible network.
        layout: architecture of each transformation in a block.
        width: of each transformation.
        order: of a block's two updates.
        encoding: of the message.
        redundancy: how it is estimated.
        predict_blocks: residual blocks of the predict module.
        level_normalised: whether chunks are normalised within the band, so that the mark follows their level.
        period: frames after which codes repeat, with the encoding ``cell_codes``; 0 for never.

    Shape:
        - :meth:`mark`: (utterances, samples), (utterances, bits) → (utterances, samples)
        - :meth:`decode`: (utterances, samples) → (utterances, bits)
    """

    def __init__(
        self,
        *,
        band: Band,
        samples: int,
        bits: int,
        blocks: int,
        layout: Layout,
        width: int,
        order: Order,
        encoding: Encoding,
        redundancy: Redundancy,
        predict_blocks: int,
        level_normalised: bool,
        period: int = 0,
    ) -> None:
        super().__init__()
        self.band, self.samples, self.bits, self.blocks = band, samples, bits, blocks
        self.redundancy, self.level_normalised = redundancy, level_normalised
        frames = band.frames(samples)
        self.invertible = InvertibleNetwork(blocks, lambda: transformation(layout, band.bins, width), order)
        if encoding == "waveform":
            self.message: WaveformEncoding | FeatureMap | CellCodes = WaveformEncoding(bits, band, samples)
        elif encoding == "map":
            self.message = FeatureMap(bits, band.bins, frames, width)
        else:
            self.message = CellCodes(bits, band.bins, frames, period or frames)
        self.predict = PredictModule(layout, band.bins, frames, predict_blocks) if redundancy == "predict" else None

    def mark(
        self, waveforms: torch.Tensor, messages: torch.Tensor, key: Key, ratio: float | None = None
    ) -> torch.Tensor:
        """Compute the mark of each chunk, which is to be added to it; differentiable.

        Args:
            waveforms: in [−1, 1], (utterances, samples).
            messages: 0 and 1, (utterances, bits).
            key: of each utterance.
            ratio: signal-to-watermark ratio that each mark is scaled to, in dB; ``None`` leaves it as the network's.

        Returns:
            (utterances, samples).
        """
        host, level = self._host(waveforms, key)
        marked, _ = self.invertible(host, self.message.encode(messages * 2.0 - 1), key.factors)
        mark = self.band.difference(host * key.signs, marked * key.signs, waveforms.shape[-1]) * level
        if ratio is None:
            return mark
        return mark * 10 ** (-ratio / 20) * (_level(waveforms) / (mark.square().mean(-1, True) + POWER_FLOOR).sqrt())

    def decode(self, waveforms: torch.Tensor, key: Key) -> torch.Tensor:
        """Compute a logit for each bit of each chunk, (utterances, samples) → (utterances, bits)."""
        return self.message.decode(self.decode_features(waveforms, key))

    def decode_features(self, waveforms: torch.Tensor, key: Key) -> torch.Tensor:
        """Compute the message's features, (utterances, samples) → (utterances, 2, bins, frames)."""
        host, _ = self._host(waveforms, key)
        _, message = self.invertible.inverse(host, self._estimated_redundancy(host), key.factors)
        return message

    def _host(self, waveforms: torch.Tensor, key: Key) -> tuple[torch.Tensor, torch.Tensor | float]:
        """The host's features under the key's signs, and the level that was normalised."""
        if not self.level_normalised:
            return self.band.analyse(waveforms) * key.signs, 1.0
        features, level = self.band.analyse_normalised(waveforms)
        return features * key.signs, level

    def _estimated_redundancy(self, host: torch.Tensor) -> torch.Tensor:
        """The estimate of the redundancy from the marked host, of the same shape."""
        if self.predict is not None:
            estimate: torch.Tensor = self.predict(host)
            return estimate
        if self.redundancy == "host":
            return host
        generator = torch.Generator().manual_seed(NOISE_SEED)
        return torch.randn(host.shape[1:], generator=generator).to(host).expand_as(host)


def _level(waveforms: torch.Tensor) -> torch.Tensor:
    """Root mean square of each chunk, (utterances, 1), at least :data:`MINIMUM_LEVEL`."""
    return (waveforms.square().mean(-1, keepdim=True) + MINIMUM_LEVEL**2).sqrt()
