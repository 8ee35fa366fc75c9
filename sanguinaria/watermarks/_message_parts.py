"""Messages of watermarks: text and tensors of bits, and long messages that are split over several chunks of audio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sanguinaria.audio.chunking import MINIMUM_AUDIO_SHARE, Chunking
from sanguinaria.core.errors import InputError


def message_tensor(message: str | Sequence[str] | None, device: torch.device) -> torch.Tensor | None:
    """Convert text of 0 and 1 to a tensor of bits.

    Args:
        message: one for all utterances, or one for each.
        device: of the tensor.

    Returns:
        int64, (bits,) for one text and (utterances, bits) for several; ``None`` for ``None`` and for empty text.

    >>> message_tensor("0110", torch.device("cpu"))
    tensor([0, 1, 1, 0])
    >>> message_tensor(["01", "10"], torch.device("cpu")).shape
    torch.Size([2, 2])
    """
    if not message or not message[0]:
        return None
    bits = [int(bit) for bit in message] if isinstance(message, str) else [[int(bit) for bit in row] for row in message]
    return torch.tensor(bits, device=device)


def expanded_message(message: torch.Tensor | None, utterances: int, bits: int) -> torch.Tensor:
    """Check a message and expand it to one for each utterance.

    Args:
        message: (bits,) for all utterances, or (utterances, bits).
        utterances: size of the batch.
        bits: length of the message.

    Returns:
        (utterances, bits).

    Raises:
        ValueError: the message has another shape, or values other than 0 and 1.
    """
    fits = message is not None and message.shape in ((bits,), (utterances, bits))
    if message is None or not fits or not ((message == 0) | (message == 1)).all():
        raise ValueError(f"the message of this watermark is {bits} bits of 0 and 1, not {message}")
    return message.expand(utterances, -1)


@dataclass(frozen=True)
class MessageParts:
    """A message in several parts, one for each chunk of audio; after the last part the first is repeated.

    Attributes:
        chunking: of the audio.
        count: parts of a message.
        bits: bits of a part.
    """

    chunking: Chunking
    count: int
    bits: int

    def of(self, message: torch.Tensor | None, utterances: int, length: int) -> torch.Tensor:
        """Return the bits that each chunk of utterances of ``length`` samples carries, (utterances, chunks, bits).

        Raises:
            ValueError: the message is invalid (:func:`expanded_message`) for the bits of all parts.
            InputError: the utterances are too short to carry every part.
        """
        bits = self.count * self.bits
        parts = expanded_message(message, utterances, bits).reshape(utterances, self.count, self.bits)
        if (room := int((self.chunking.audio_shares(length) >= MINIMUM_AUDIO_SHARE).sum())) < self.count > 1:
            raise InputError(
                f"a message of {bits} bits takes {self.count} chunks of {self.chunking.samples} samples, and the "
                f"utterances of {length} samples hold {room}: shorten the message or use longer utterances"
            )
        return parts[:, self._carried(length)]

    def means(self, decoded: torch.Tensor, length: int) -> torch.Tensor:
        """Average the decoder's outputs over the chunks that carry the same part.

        Args:
            decoded: the decoder's output for each chunk, (utterances, chunks, bits).
            length: of the utterances, in samples.

        Returns:
            The outputs for the whole message, (utterances, parts · bits).
        """
        shares, carried = self.chunking.audio_shares(length), self._carried(length)
        masks = [carried == part for part in range(self.count)]
        return torch.cat([weighted_mean(decoded[:, mask], shares[mask]) for mask in masks], 1)

    def _carried(self, length: int) -> torch.Tensor:
        """Index of the part that each chunk carries, (chunks,)."""
        return torch.arange(len(self.chunking.starts(length))) % self.count


def weighted_mean(decoded: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Average over chunks, weighted by the share of each that is audio.

    Args:
        decoded: (utterances, chunks, bits).
        shares: (chunks,).

    Returns:
        (utterances, bits).
    """
    weights = shares.to(decoded)
    return (decoded * weights[:, None]).sum(1) / weights.sum().clamp(min=1e-9)
