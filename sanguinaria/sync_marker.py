"""A marker whose messages begin with a synchronisation code: PKDMark's encoder and decoder, for audio of any length."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sanguinaria.errors import InputError
from sanguinaria.hearing import heard, resampled
from sanguinaria.pieces import CARRYING_SHARE, PIECES_AT_ONCE, Pieces
from sanguinaria.pkdmark_networks import MarkNetwork
from sanguinaria.synchronisation import SyncCode


@dataclass(frozen=True)
class SyncMarker:
    """An encoder and a decoder on a device; utterances do not depend on others in their batch, but for rounding.

    Audio is marked piece by piece (:class:`sanguinaria.pieces.Pieces`). Every piece carries the code and, after it, its
    part of the message; a message of several parts takes as many pieces, and starts again after them. The code is read
    from the mean over all pieces, a part from the mean over its own.

    Attributes:
        encoder, decoder: networks of pieces of ``pieces.samples``.
        code: known bits at the beginning of each piece's; there may be none, and the score is then how sure the
            reading is, from 0 to 1, which is not calibrated.
        parts: pieces that a message takes.
        ratio: in dB, of a piece to its mark; ``None`` where the encoder decides.
        network_rate, sample_rate: in Hz, of the networks and of the audio, which is resampled if they differ.
    """

    encoder: MarkNetwork
    decoder: MarkNetwork
    code: SyncCode
    pieces: Pieces
    parts: int
    ratio: float | None
    network_rate: int
    sample_rate: int
    device: torch.device

    def watermark(self, waveforms: torch.Tensor, message: torch.Tensor | None) -> torch.Tensor:
        """What to add to each utterance, (utterances, samples) → same.

        Args:
            waveforms: in [−1, 1].
            message: (bits,) or (utterances, bits) of 0 and 1, for all parts, without the code.

        Raises:
            sanguinaria.errors.InputError: the message is none of these, or too long for the utterances, or they are
                shorter than a window.
        """
        audio = self._heard(waveforms)
        carried = self._carried(message, audio)
        cut = self.pieces.cut(audio)
        carried = carried[:, torch.arange(cut.shape[1]) % self.parts]
        passes = zip(*(torch.split(each.flatten(0, 1), PIECES_AT_ONCE) for each in (cut, carried)), strict=True)
        with torch.no_grad():
            marks = torch.cat([self.encoder.mark(some, bits, self.ratio) for some, bits in passes])
        mark = self.pieces.join(marks.unflatten(0, cut.shape[:2]), audio.shape[-1])  # type: ignore[no-untyped-call]
        return resampled(mark, self.network_rate, self.sample_rate)[..., : waveforms.shape[-1]].to(waveforms)

    def detect(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Score in [0, 1] that each utterance is marked, (utterances,), from ½ on as many bits of the code are right as
        are required; and the probability of a 1 for each bit of its message, (utterances, bits).

        Raises:
            sanguinaria.errors.InputError: the utterances are shorter than a window.
        """
        audio = self._heard(waveforms)
        cut = self.pieces.cut(audio)
        with torch.no_grad():
            read = [self.decoder.read(some) for some in torch.split(cut.flatten(0, 1), PIECES_AT_ONCE)]
        found = torch.cat(read).unflatten(0, cut.shape[:2])  # type: ignore[no-untyped-call]
        shares = self.pieces.shares(audio.shape[-1]).to(found)
        own = torch.arange(len(shares)) % self.parts
        message = torch.cat(
            [_mean(found[:, own == part], shares[own == part])[:, self._known :] for part in range(self.parts)], 1
        ).clamp(0, 1)
        if self._known:
            scores = self.code.score(_mean(found, shares)[:, : self._known])
        else:
            scores = (2 * message - 1).abs().mean(-1)
        return scores.to(waveforms.device), message.to(waveforms.device)

    @property
    def _known(self) -> int:
        return len(self.code.bits)

    def _heard(self, waveforms: torch.Tensor) -> torch.Tensor:
        return heard(waveforms, self.sample_rate, self.network_rate, self.encoder.band.fft, self.device)

    def _carried(self, message: torch.Tensor | None, audio: torch.Tensor) -> torch.Tensor:
        """What each part carries, (utterances, parts, bits): the code and then its share of the message."""
        count, length = audio.shape
        free = self.encoder.bits - self._known
        bits = free * self.parts
        fits = message is not None and message.shape in ((bits,), (count, bits))
        if message is None or not fits or not ((message == 0) | (message == 1)).all():
            given = "none" if message is None else f"one of the shape {tuple(message.shape)}"
            raise InputError(
                f"a message of this watermark is {bits} bits of 0 and 1, {free} in each of {self.parts} pieces, not "
                f"{given}: give so many, or set `spread` for longer messages"
            )
        if (room := int((self.pieces.shares(length) >= CARRYING_SHARE).sum())) < self.parts > 1:
            raise InputError(
                f"a message of {bits} bits takes {self.parts} pieces of {self.pieces.samples} samples, and the "
                f"utterances of {length} samples hold {room}: shorten the message or use longer utterances"
            )
        own = message.to(self.device).expand(count, -1).reshape(count, self.parts, free)
        code = torch.tensor(self.code.bits, device=self.device, dtype=own.dtype)
        return torch.cat([code.expand(count, self.parts, -1), own], 2)


def _mean(found: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Mean over pieces, by their shares of audio: (utterances, pieces, bits) → (utterances, bits)."""
    return (found * shares[:, None]).sum(1) / shares.sum().clamp(min=1e-9)
