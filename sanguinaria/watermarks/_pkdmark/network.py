"""PKDMark's networks: invertible ones without a key on the complex spectrum (section III-B).

The decoder has no redundancy to go on with, so the marked host takes its place; the message is a map of complex
features, or, in the paper's ablation, WavMark's waveform.
"""

from __future__ import annotations

import copy
from typing import Literal

import torch
from torch import nn

from sanguinaria.watermarks._invertible.keys import Key, plain_key
from sanguinaria.watermarks._invertible.layers import Invertible, Layout, Order, stack
from sanguinaria.watermarks._invertible.network import KeyedNetwork
from sanguinaria.watermarks._invertible.spectra import Band

Message = Literal["map", "wave"]
# WavMark's, on which PKDMark builds; without a key neither order leaves anything dead.
ORDER: Order = "host_first"


class MarkNetwork(nn.Module):
    """Marks pieces of audio of one length, and reads messages from such.

    Args:
        band: of the spectrum that is changed.
        samples: of a piece.
        bits: of a piece's message.
        blocks: of the invertible network.
        layout, width: of each transformation in a block.
        message: of the message's features.
        levelled: whether pieces are brought to one level before, so that the mark follows theirs.
    """

    def __init__(
        self,
        band: Band,
        samples: int,
        bits: int,
        blocks: int,
        layout: Layout,
        width: int,
        message: Message,
        levelled: bool,
    ) -> None:
        super().__init__()
        self.band, self.samples, self.bits, self.layout = band, samples, bits, layout
        self.keyed = KeyedNetwork(band, samples, bits, blocks, layout, width, ORDER, message, "host", 0, levelled)

    def mark(self, waveforms: torch.Tensor, messages: torch.Tensor, ratio: float | None = None) -> torch.Tensor:
        """What is to be added to each piece, (utterances, samples) → same, with its gradient.

        Args:
            waveforms: in [−1, 1].
            messages: (utterances, bits) of 0 and 1.
            ratio: in dB, of each piece to its mark; ``None`` leaves the mark as the network makes it.
        """
        return self.keyed.mark(waveforms, messages, self._no_key(waveforms), ratio)

    def features(self, messages: torch.Tensor) -> torch.Tensor:
        """M of Eq. 1: (utterances, bits) of 0 and 1 → (utterances, 2, bins, frames)."""
        return self.keyed.message.write(messages * 2.0 - 1)

    def recover(self, waveforms: torch.Tensor) -> torch.Tensor:
        """M̂ of Eq. 3, what the decoder makes of each piece: (utterances, samples) → (utterances, 2, bins, frames)."""
        return self.keyed.recover(waveforms, self._no_key(waveforms))

    def interpret(self, features: torch.Tensor) -> torch.Tensor:
        """m̂ of Eq. 3: (utterances, 2, bins, frames) → (utterances, bits).

        It is fitted to 0 and 1 by squared errors, so its best value is the probability of a 1.
        """
        return (self.keyed.message.read(features) + 1) / 2

    def read(self, waveforms: torch.Tensor) -> torch.Tensor:
        """What :meth:`interpret` says of pieces (utterances, samples)."""
        return self.interpret(self.recover(waveforms))

    def _no_key(self, waveforms: torch.Tensor) -> Key:
        return plain_key(len(waveforms), self.keyed.blocks).to(waveforms.device)


def student_of(teacher: MarkNetwork, blocks: int, width: int) -> MarkNetwork:
    """A smaller network with the teacher's message features (section III-C2), of which it has a copy to learn with."""
    found = copy.deepcopy(teacher)
    found.keyed.blocks = blocks
    found.keyed.invertible = Invertible(blocks, lambda: stack(found.layout, found.band.bins, width), ORDER)
    return found
