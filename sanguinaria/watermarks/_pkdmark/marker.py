"""A marker whose messages begin with a synchronisation code: PKDMark's encoder and decoder, for audio of any length."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sanguinaria.audio.chunking import Chunking, chunk_batches
from sanguinaria.audio.resampling import prepare_network_input, resample
from sanguinaria.watermarks import Detection, Marker
from sanguinaria.watermarks._message_parts import MessageParts, weighted_mean
from sanguinaria.watermarks._pkdmark.network import MarkNetwork
from sanguinaria.watermarks._pkdmark.sync_code import SyncCode


@dataclass(frozen=True)
class SyncMarker(Marker):
    """An encoder and a decoder on a device; utterances do not depend on others in their batch, but for rounding.

    Audio is marked piece by piece (:class:`sanguinaria.audio.chunking.Chunking`). Every piece carries the code and,
    after it, its
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
    pieces: Chunking
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
            ValueError: the message is none of these.
            InputError: the utterances are too short for a window or for the message.
        """
        audio = self._heard(waveforms)
        cut = self.pieces.split(audio)
        own = self._parts.of(message, len(audio), audio.shape[-1]).to(self.device)
        code = torch.tensor(self.code.bits, device=self.device, dtype=own.dtype)
        carried = torch.cat([code.expand(*cut.shape[:2], -1), own], 2)
        pairs = chunk_batches(cut.flatten(0, 1), carried.flatten(0, 1))
        with torch.no_grad():
            marks = torch.cat([self.encoder.mark(some, bits, self.ratio) for some, bits in pairs])
        mark = self.pieces.overlap_add(marks.unflatten(0, cut.shape[:2]), audio.shape[-1])  # type: ignore[no-untyped-call]
        return resample(mark, self.network_rate, self.sample_rate)[..., : waveforms.shape[-1]].to(waveforms)

    def detect(self, waveforms: torch.Tensor) -> Detection:
        """Score in [0, 1] that each utterance is marked, (utterances,), from ½ on as many bits of the code are right as
        are required; and the probability of a 1 for each bit of its message, (utterances, bits).

        Raises:
            InputError: the utterances are shorter than a window.
        """
        audio = self._heard(waveforms)
        cut = self.pieces.split(audio)
        with torch.no_grad():
            read = [self.decoder.read(some) for (some,) in chunk_batches(cut.flatten(0, 1))]
        found = torch.cat(read).unflatten(0, cut.shape[:2])  # type: ignore[no-untyped-call]
        known, length = len(self.code.bits), audio.shape[-1]
        message = self._parts.means(found[..., known:], length).clamp(0, 1)
        if known:
            scores = self.code.score(weighted_mean(found[..., :known], self.pieces.audio_shares(length)))
        else:
            scores = (2 * message - 1).abs().mean(-1)
        return Detection(scores.to(waveforms.device), message.to(waveforms.device))

    @property
    def _parts(self) -> MessageParts:
        return MessageParts(self.pieces, self.parts, self.encoder.bits - len(self.code.bits))

    def _heard(self, waveforms: torch.Tensor) -> torch.Tensor:
        return prepare_network_input(waveforms, self.sample_rate, self.network_rate, self.encoder.band.fft, self.device)
