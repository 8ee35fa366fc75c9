"""A watermark's network around an invertible one: spectrum, key, message, and a guess of the redundancy.

WAKE (section 2.1), its variant with a mask, and PKDMark without a key differ in the parts they are made of.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from sanguinaria.watermarks._invertible.keys import Key
from sanguinaria.watermarks._invertible.layers import Invertible, Layout, Order, stack
from sanguinaria.watermarks._invertible.message_maps import Form, MessageCells, MessageMap, MessageWave
from sanguinaria.watermarks._invertible.spectra import LOWEST_LEVEL, Band

# What stands for the redundancy in decoding: WAKE's predict module, Gaussian noise (its ablation, Table 4), or the
# marked host itself (PKDMark, section III-B).
Guess = Literal["predict", "noise", "host"]
# Draws the noise of ``guess: noise``: what is read from a recording may not change from one time to the next.
NOISE_SEED = 0
# Keeps a gain finite where a network marks nothing.
POWER_FLOOR = 1e-12


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut (WAKE, Figure 4)."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(first, nn.LeakyReLU(0.2), second)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = features + self.layers(features)
        return found


class Predict(nn.Module):
    """WAKE's predict module (section 2.1.2): the redundancy from the marked host, (u, 2, bins, frames) → same.

    The paper's has the frames as channels, a convolution and eight residual blocks. Beside ``lines``, the bins are the
    channels here as well: every frame is then treated alike, which survives a shift of time.
    """

    def __init__(self, layout: Layout, bins: int, frames: int, blocks: int) -> None:
        super().__init__()
        self.over_bins = layout == "lines"
        if self.over_bins:
            layers = [nn.Conv1d(2 * bins, 2 * bins, 3, padding=1) for _ in range(1 + 2 * blocks)]
        else:
            layers = [nn.Conv2d(frames, frames, 3, padding=1) for _ in range(1 + 2 * blocks)]  # type: ignore[misc]
        self.layers = nn.Sequential(
            layers[0], *(ResidualBlock(*layers[1 + 2 * block : 3 + 2 * block]) for block in range(blocks))
        )

    def forward(self, host: torch.Tensor) -> torch.Tensor:
        if self.over_bins:
            lined: torch.Tensor = self.layers(host.flatten(1, 2))
            return lined.reshape(host.shape)
        found: torch.Tensor = self.layers(host.permute(0, 3, 1, 2))  # frames as channels of images (2, bins)
        return found.permute(0, 2, 3, 1)


class KeyedNetwork(nn.Module):
    """Marks pieces of audio of one length, and reads messages from such.

    Args:
        band: of the spectrum that is changed.
        samples: of a piece.
        bits: of a piece's message.
        blocks: of the invertible network.
        layout, width: of each transformation in a block.
        order: of a block's two updates.
        form: of the message's features.
        guess: what the redundancy is guessed from.
        predict_blocks: residual blocks of the predict module.
        levelled: whether pieces are brought to one level within the band before, so that the mark follows theirs.
        period: frames after which codes repeat, with ``form: cells``; 0 for never.
    """

    def __init__(
        self,
        band: Band,
        samples: int,
        bits: int,
        blocks: int,
        layout: Layout,
        width: int,
        order: Order,
        form: Form,
        guess: Guess,
        predict_blocks: int,
        levelled: bool,
        period: int = 0,
    ) -> None:
        super().__init__()
        self.band, self.samples, self.bits, self.blocks = band, samples, bits, blocks
        self.guess, self.levelled = guess, levelled
        frames = band.frames(samples)
        self.invertible = Invertible(blocks, lambda: stack(layout, band.bins, width), order)
        if form == "wave":
            self.message: MessageWave | MessageMap | MessageCells = MessageWave(bits, band, samples)
        elif form == "map":
            self.message = MessageMap(bits, band.bins, frames, width)
        else:
            self.message = MessageCells(bits, band.bins, frames, period or frames)
        self.predict = Predict(layout, band.bins, frames, predict_blocks) if guess == "predict" else None

    def mark(
        self, waveforms: torch.Tensor, messages: torch.Tensor, key: Key, ratio: float | None = None
    ) -> torch.Tensor:
        """What is to be added to each piece, (utterances, samples) → same, with its gradient.

        Args:
            waveforms: in [−1, 1].
            messages: (utterances, bits) of 0 and 1.
            key: of each utterance.
            ratio: in dB, of each piece to its mark; ``None`` leaves the mark as the network makes it.
        """
        host, level = self._host(waveforms, key)
        marked, _ = self.invertible(host, self.message.write(messages * 2.0 - 1), key.factors)
        change = self.band.change(host * key.signs, marked * key.signs, waveforms.shape[-1]) * level
        if ratio is None:
            return change
        return (
            change * 10 ** (-ratio / 20) * (_level(waveforms) / (change.square().mean(-1, True) + POWER_FLOOR).sqrt())
        )

    def read(self, waveforms: torch.Tensor, key: Key) -> torch.Tensor:
        """A logit for each bit of each piece's message, (utterances, samples) → (utterances, bits)."""
        return self.message.read(self.recover(waveforms, key))

    def recover(self, waveforms: torch.Tensor, key: Key) -> torch.Tensor:
        """The message's features of each piece, (utterances, samples) → (utterances, 2, bins, frames)."""
        host, _ = self._host(waveforms, key)
        _, message = self.invertible.inverse(host, self._redundancy(host), key.factors)
        return message

    def _host(self, waveforms: torch.Tensor, key: Key) -> tuple[torch.Tensor, torch.Tensor | float]:
        if not self.levelled:
            return self.band.analyse(waveforms) * key.signs, 1.0
        features, level = self.band.analyse_levelled(waveforms)
        return features * key.signs, level

    def _redundancy(self, host: torch.Tensor) -> torch.Tensor:
        if self.predict is not None:
            found: torch.Tensor = self.predict(host)
            return found
        if self.guess == "host":
            return host
        generator = torch.Generator().manual_seed(NOISE_SEED)
        return torch.randn(host.shape[1:], generator=generator).to(host).expand_as(host)


def _level(waveforms: torch.Tensor) -> torch.Tensor:
    """Root mean square of each piece, (utterances, 1), never below :data:`LOWEST_LEVEL`."""
    return (waveforms.square().mean(-1, keepdim=True) + LOWEST_LEVEL**2).sqrt()
