"""A marker whose messages begin with a synchronisation code: PKDMark's encoder and decoder, for audio of any length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from sanguinaria.audio.chunking import Chunking, chunk_batches
from sanguinaria.audio.resampling import prepare_network_input, resample
from sanguinaria.core import devices
from sanguinaria.core.devices import Precision
from sanguinaria.watermarks import Detection, Marker
from sanguinaria.watermarks._invertible.spectra import Band
from sanguinaria.watermarks._message_parts import MessageParts, weighted_mean
from sanguinaria.watermarks._pkdmark.sync_code import SyncCode
from sanguinaria.watermarks._pkdmark.warps import best_decoding, undone_warps


class ChunkEncoder(Protocol):
    """The encoder of a :class:`SyncMarker`."""

    @property
    def bits(self) -> int:
        """Bits of a chunk's message, the synchronisation code's among them."""

    @property
    def band(self) -> Band:
        """The band of the spectrum that is marked."""

    def mark(self, waveforms: torch.Tensor, messages: torch.Tensor, ratio: float | None = None) -> torch.Tensor:
        """Compute marks, (chunks, samples) and (chunks, bits) → (chunks, samples)."""


class ChunkDecoder(Protocol):
    """The decoder of a :class:`SyncMarker`."""

    def decode(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Compute the probability of a 1 for each bit, (chunks, samples) → (chunks, bits)."""


@dataclass(frozen=True, kw_only=True)
class SyncMarker(Marker):
    """An encoder and a decoder on a device; utterances of a batch are independent, but for rounding.

    Audio is marked chunk by chunk (:class:`sanguinaria.audio.chunking.Chunking`). Every chunk carries the code and,
    after it, its part of the message; a message of several parts takes as many chunks, and is repeated after them. The
    code is decoded from the mean over all chunks, a part from the mean over its own.

    Attributes:
        encoder: of chunks of ``chunking.samples``.
        decoder: likewise.
        code: known bits at the beginning of each chunk's; it may be empty, and the score is then the mean certainty of
            the bits, |2p − 1|, which is not calibrated.
        chunking: of audio at ``network_rate``.
        parts: of a message.
        ratio: signal-to-watermark ratio of each chunk, in dB; ``None`` where the encoder determines it.
        warps: factors of frequency that the detector undoes (:mod:`sanguinaria.watermarks._pkdmark.warps`) beside 1; of
            all decodings, the one that matches the code best is used.
        network_rate: in Hz, of the networks.
        sample_rate: in Hz, of the audio, which is resampled where the rates differ.
        precision: of the networks.
        device: of the networks.
    """

    encoder: ChunkEncoder
    decoder: ChunkDecoder
    code: SyncCode
    chunking: Chunking
    parts: int
    ratio: float | None
    network_rate: int
    sample_rate: int
    precision: Precision
    device: torch.device
    warps: Sequence[float] = ()

    def watermark(self, waveforms: torch.Tensor, message: torch.Tensor | None) -> torch.Tensor:
        """Compute the mark of each utterance, which is to be added to it.

        Args:
            waveforms: in [−1, 1], (utterances, samples).
            message: of 0 and 1 for all parts, without the code, (bits,) or (utterances, bits).

        Returns:
            (utterances, samples).

        Raises:
            ValueError: the message has another shape or other values.
            InputError: the utterances are too short for a window or for the message.
        """
        audio = self._prepared(waveforms)
        chunks = self.chunking.split(audio)
        parts = self._message_parts.of(message, len(audio), audio.shape[-1]).to(self.device)
        code = torch.tensor(self.code.bits, device=self.device, dtype=parts.dtype)
        bits = torch.cat([code.expand(*chunks.shape[:2], -1), parts], 2)
        batches = chunk_batches(chunks.flatten(0, 1), bits.flatten(0, 1))
        with torch.no_grad(), devices.network_arithmetic(self.precision, self.device):
            marks = torch.cat([self.encoder.mark(batch, batch_bits, self.ratio) for batch, batch_bits in batches])
        mark = self.chunking.overlap_add(marks.unflatten(0, chunks.shape[:2]), audio.shape[-1])  # type: ignore[no-untyped-call]
        return resample(mark, self.network_rate, self.sample_rate)[..., : waveforms.shape[-1]].to(waveforms)

    def detect(self, waveforms: torch.Tensor) -> Detection:
        """Detect the mark and decode its message; the score is ½ where the code's required number of bits is right.

        Raises:
            InputError: the utterances are shorter than a window.
        """
        audio = self._prepared(waveforms)
        decodings = [self._decode(each) for each in (audio, *undone_warps(audio, self.warps))]
        codes, messages = (torch.stack(each) for each in zip(*decodings, strict=True))
        best = best_decoding(self.code, list(codes)) if self.warps else torch.zeros(len(audio), dtype=torch.long)
        rows = torch.arange(len(audio), device=audio.device)
        code, message = codes[best, rows], messages[best, rows]
        scores = self.code.score(code) if self.code.bits else (2 * message - 1).abs().mean(-1)
        return Detection(scores.to(waveforms.device), message.to(waveforms.device))

    def _decode(self, audio: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Probabilities of a 1 for the code's bits and for the message's, (utterances, bits) each."""
        chunks = self.chunking.split(audio)
        with torch.no_grad(), devices.network_arithmetic(self.precision, self.device):
            decoded = [self.decoder.decode(batch) for (batch,) in chunk_batches(chunks.flatten(0, 1))]
        probabilities = torch.cat(decoded).unflatten(0, chunks.shape[:2])  # type: ignore[no-untyped-call]
        code_bits, length = len(self.code.bits), audio.shape[-1]
        message = self._message_parts.means(probabilities[..., code_bits:], length).clamp(0, 1)
        return weighted_mean(probabilities[..., :code_bits], self.chunking.audio_shares(length)), message

    @property
    def _message_parts(self) -> MessageParts:
        return MessageParts(self.chunking, self.parts, self.encoder.bits - len(self.code.bits))

    def _prepared(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Waveforms at the network's rate, on its device."""
        return prepare_network_input(waveforms, self.sample_rate, self.network_rate, self.encoder.band.fft, self.device)


def report_resampling(band: Band, network_rate: int, sample_rate: int) -> None:
    """Print that audio is resampled, and whether a part of the mark is lost; nothing where the rates are equal.

    Args:
        band: of the spectrum that is marked.
        network_rate: in Hz, of the networks.
        sample_rate: in Hz, of the audio.
    """
    if sample_rate == network_rate:
        return
    highest = (band.first + band.bins - 1) * network_rate / band.fft
    lost = f"; of the mark, which reaches up to {highest:,.0f} Hz, what lies above half of the audio's rate is lost"
    print(
        f"watermark: audio at {sample_rate:,} Hz is resampled to the network's {network_rate:,} Hz, and the mark back"
        + (lost if highest > sample_rate / 2 else ""),
        flush=True,
    )
