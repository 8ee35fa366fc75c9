"""PKDMark's network: an invertible one without a key on the complex spectrum (section III-B).

In decoding, the marked host takes the place of the redundancy. The message is a complex feature map or, in the paper's
ablation, WavMark's waveform.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from sanguinaria.watermarks._invertible.keys import Key, identity_key
from sanguinaria.watermarks._invertible.layers import Layout, Order
from sanguinaria.watermarks._invertible.network import KeyedNetwork
from sanguinaria.watermarks._invertible.spectra import Band

Encoding = Literal["map", "waveform"]
# WavMark's, on which PKDMark builds; without a key, either order uses every block.
ORDER: Order = "host_first"


class PkdNetwork(nn.Module):
    """Encoder and decoder for chunks of one length.

    Args:
        band: of the spectrum that is marked.
        samples: of a chunk.
        bits: of a chunk's message.
        blocks: of the invertible network.
        layout: architecture of each transformation in a block.
        width: of each transformation.
        encoding: of the message.
        level_normalised: whether chunks are normalised within the band, so that the mark follows their level.

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
        encoding: Encoding,
        level_normalised: bool,
    ) -> None:
        super().__init__()
        self.band, self.samples, self.bits, self.layout = band, samples, bits, layout
        self.keyed = KeyedNetwork(
            band=band,
            samples=samples,
            bits=bits,
            blocks=blocks,
            layout=layout,
            width=width,
            order=ORDER,
            encoding=encoding,
            redundancy="host",
            predict_blocks=0,
            level_normalised=level_normalised,
        )

    def mark(self, waveforms: torch.Tensor, messages: torch.Tensor, ratio: float | None = None) -> torch.Tensor:
        """Compute the mark of each chunk, which is to be added to it; differentiable.

        Args:
            waveforms: in [−1, 1], (utterances, samples).
            messages: 0 and 1, (utterances, bits).
            ratio: signal-to-watermark ratio that each mark is scaled to, in dB; ``None`` leaves it as the network's.

        Returns:
            (utterances, samples).
        """
        return self.keyed.mark(waveforms, messages, self._no_key(waveforms), ratio)

    def encode_features(self, messages: torch.Tensor) -> torch.Tensor:
        """Compute M of Eq. 1: 0 and 1, (utterances, bits) → (utterances, 2, bins, frames)."""
        return self.keyed.message.encode(messages * 2.0 - 1)

    def decode_features(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Compute M̂ of Eq. 3: (utterances, samples) → (utterances, 2, bins, frames)."""
        return self.keyed.decode_features(waveforms, self._no_key(waveforms))

    def decode_message(self, features: torch.Tensor) -> torch.Tensor:
        """Compute m̂ of Eq. 3: (utterances, 2, bins, frames) → (utterances, bits).

        It is fitted to 0 and 1 by squared errors, so its optimum is the probability of a 1.
        """
        return (self.keyed.message.decode(features) + 1) / 2

    def decode(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Compute m̂ of chunks, (utterances, samples) → (utterances, bits)."""
        return self.decode_message(self.decode_features(waveforms))

    def _no_key(self, waveforms: torch.Tensor) -> Key:
        """The key without effect for each chunk."""
        return identity_key(len(waveforms), self.keyed.blocks).to(waveforms.device)
