"""Messages of watermarks: whether they fit, and how pieces of audio share a long one."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sanguinaria.audio.chunking import CARRYING_SHARE, Pieces
from sanguinaria.core.errors import InputError


def for_each(message: torch.Tensor | None, utterances: int, bits: int) -> torch.Tensor:
    """A message for each utterance, (utterances, bits), from one for all, (bits,), or one for each.

    Raises:
        ValueError: it is none of these, or not of 0 and 1.
    """
    fits = message is not None and message.shape in ((bits,), (utterances, bits))
    if message is None or not fits or not ((message == 0) | (message == 1)).all():
        raise ValueError(f"the message of this watermark is {bits} bits of 0 and 1, not {message}")
    return message.expand(utterances, -1)


@dataclass(frozen=True)
class Parts:
    """A message of several parts, which as many pieces of audio carry, one each; after the last the first comes again.

    Attributes:
        pieces: of audio.
        count: parts of a message.
        bits: of a part.
    """

    pieces: Pieces
    count: int
    bits: int

    def of(self, message: torch.Tensor | None, utterances: int, length: int) -> torch.Tensor:
        """What each piece of utterances of a length carries, (utterances, pieces, bits).

        Raises:
            ValueError: the message is none of :func:`for_each`, with the bits of all parts.
            InputError: the utterances are too short to carry every part.
        """
        bits = self.count * self.bits
        parts = for_each(message, utterances, bits).reshape(utterances, self.count, self.bits)
        if (room := int((self.pieces.shares(length) >= CARRYING_SHARE).sum())) < self.count > 1:
            raise InputError(
                f"a message of {bits} bits takes {self.count} pieces of {self.pieces.samples} samples, and the "
                f"utterances of {length} samples hold {room}: shorten the message or use longer utterances"
            )
        return parts[:, self._carried(length)]

    def means(self, read: torch.Tensor, length: int) -> torch.Tensor:
        """From what each piece was read as, (utterances, pieces, bits), the message, (utterances, parts · bits)."""
        shares, carried = self.pieces.shares(length), self._carried(length)
        own = [carried == part for part in range(self.count)]
        return torch.cat([mean(read[:, which], shares[which]) for which in own], 1)

    def _carried(self, length: int) -> torch.Tensor:
        """The part that each piece carries, (pieces,)."""
        return torch.arange(len(self.pieces.starts(length))) % self.count


def mean(read: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Mean over pieces by their shares of audio: (utterances, pieces, bits), (pieces,) → (utterances, bits)."""
    weights = shares.to(read)
    return (read * weights[:, None]).sum(1) / weights.sum().clamp(min=1e-9)
