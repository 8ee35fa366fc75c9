"""A trained keyed network with one key: marks audio of any length, detects the mark and decodes its message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch

from sanguinaria.audio.chunking import Chunking, chunk_batches
from sanguinaria.audio.resampling import prepare_network_input, resample
from sanguinaria.core import devices
from sanguinaria.core.devices import Precision
from sanguinaria.watermarks import Detection, Marker
from sanguinaria.watermarks._invertible.keys import Key, KeySampler
from sanguinaria.watermarks._invertible.network import KeyedNetwork
from sanguinaria.watermarks._message_parts import MessageParts

# The false positive rate of the detector's threshold.
FALSE_POSITIVE_RATE = 0.01
# Unmarked chunks for calibration, and random keys for each.
CALIBRATION_CHUNKS, KEYS_PER_CHUNK = 256, 2
CALIBRATION_SEED = 2


@dataclass(frozen=True, kw_only=True)
class KeyedMarker(Marker):
    """Encoder, decoder and detector with one key; utterances of a batch are independent, but for rounding.

    Audio is marked chunk by chunk (:class:`sanguinaria.audio.chunking.Chunking`). A message of several parts, each of
    the bits of a chunk, takes as many chunks, and is repeated after them.

    Where signal-to-watermark ratios are given, each chunk gets the weakest mark of which every bit is decoded with a
    minimum margin: informed embedding, as the encoder runs the decoder. Most speech needs a weak mark; a chunk that
    needs a stronger one is mostly noise, which masks more.

    The detection statistic is the mean over the bits of the absolute logits, which are averaged over chunks: near 0 for
    a key that decodes nothing, for which the network is trained, and large where every bit is certain. Its calibration,
    on unmarked speech and random keys, is the threshold of a false positive rate of :data:`FALSE_POSITIVE_RATE`, at
    which the score is ½, and the standard deviation. Of several time shifts, the one of the largest statistic is
    decoded; calibration takes the largest of as many.

    Attributes:
        network: on ``device``.
        key: of the marker.
        calibration: threshold and standard deviation, (2,).
        chunking: of audio at ``network_rate``.
        parts: of a message.
        ratios: signal-to-watermark ratios in descending order, in dB; empty where the network determines it.
        minimum_margin: the logit that every bit has to reach.
        shifts: time shifts that the detector searches beside 0, in samples at ``network_rate``.
        network_rate: in Hz, of the network.
        sample_rate: in Hz, of the audio, which is resampled where the rates differ.
        precision: of the network.
        device: of the network.
    """

    network: KeyedNetwork
    key: Key
    calibration: torch.Tensor
    chunking: Chunking
    parts: int
    ratios: Sequence[float]
    minimum_margin: float
    shifts: Sequence[int]
    network_rate: int
    sample_rate: int
    precision: Precision
    device: torch.device

    def watermark(self, waveforms: torch.Tensor, message: torch.Tensor | None) -> torch.Tensor:
        """Compute the mark of each utterance, which is to be added to it.

        Args:
            waveforms: in [−1, 1], (utterances, samples).
            message: of 0 and 1 for all parts, (bits,) or (utterances, bits).

        Returns:
            (utterances, samples).

        Raises:
            ValueError: the message has another shape or other values.
            InputError: the utterances are too short for a window or for the message.
        """
        audio = self._prepared(waveforms)
        length = audio.shape[-1]
        messages = self._message_parts.of(message, len(audio), length).to(self.device)
        chunks = self.chunking.split(audio)
        marks = [self._mark(*batch) for batch in chunk_batches(chunks.flatten(0, 1), messages.flatten(0, 1))]
        mark = self.chunking.overlap_add(torch.cat(marks).unflatten(0, chunks.shape[:2]), length)  # type: ignore[no-untyped-call]
        return resample(mark, self.network_rate, self.sample_rate)[..., : waveforms.shape[-1]].to(waveforms)

    def detect(self, waveforms: torch.Tensor) -> Detection:
        """Detect a mark of this key and decode its message; the score is ½ at the calibration's threshold.

        Raises:
            InputError: the utterances are shorter than a window.
        """
        audio = self._prepared(waveforms)
        threshold, deviation = self.calibration.to(self.device)
        logits = self._logits(audio, 0)
        undetected = (detection_statistic(logits) < threshold).nonzero()[:, 0]
        for shift in self.shifts if len(undetected) else ():
            shifted = self._logits(audio[undetected], shift)
            better = detection_statistic(shifted) > detection_statistic(logits[undetected])
            logits[undetected[better]] = shifted[better]
        scores = ((detection_statistic(logits) - threshold) / deviation).sigmoid()
        return Detection(scores.to(waveforms.device), logits.sigmoid().to(waveforms.device))

    def _mark(self, waveforms: torch.Tensor, messages: torch.Tensor) -> torch.Tensor:
        """The weakest marks of chunks, (chunks, samples), of which all bits have the minimum margin."""
        with torch.no_grad(), devices.network_arithmetic(self.precision, self.device):
            highest_ratio = self.ratios[0] if self.ratios else None
            mark = self.network.mark(waveforms, messages, self.key.expand(len(waveforms)), highest_ratio)
            weak = torch.arange(len(mark), device=self.device)
            for ratio, next_ratio in pairwise(self.ratios):
                logits = self.network.decode(waveforms[weak] + mark[weak], self.key.expand(len(weak)))
                weak = weak[(logits * (2 * messages[weak] - 1)).amin(1) < self.minimum_margin]
                if not len(weak):
                    break
                mark[weak] *= 10 ** ((ratio - next_ratio) / 20)
            return mark

    def _logits(self, audio: torch.Tensor, shift: int) -> torch.Tensor:
        """(utterances, samples) → (utterances, parts · bits), weighted means over the chunks of each part."""
        chunks = self.chunking.split(audio, shift)
        with torch.no_grad(), devices.network_arithmetic(self.precision, self.device):
            logits = [
                self.network.decode(batch, self.key.expand(len(batch)))
                for (batch,) in chunk_batches(chunks.flatten(0, 1))
            ]
        chunk_logits = torch.cat(logits).unflatten(0, chunks.shape[:2])  # type: ignore[no-untyped-call]
        return self._message_parts.means(chunk_logits, audio.shape[-1])

    @property
    def _message_parts(self) -> MessageParts:
        return MessageParts(self.chunking, self.parts, self.network.bits)

    def _prepared(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Waveforms at the network's rate, on its device."""
        return prepare_network_input(waveforms, self.sample_rate, self.network_rate, self.network.band.fft, self.device)


def detection_statistic(logits: torch.Tensor) -> torch.Tensor:
    """Compute the mean absolute logit, (utterances, bits) → (utterances,).

    >>> detection_statistic(torch.tensor([[1.0, -3.0]]))
    tensor([2.])
    """
    return logits.abs().mean(-1)


def calibrate(
    network: KeyedNetwork, sample_keys: KeySampler, chunks: torch.Tensor, shifts: Sequence[int], device: torch.device
) -> torch.Tensor:
    """Calibrate the detector on unmarked speech and random keys.

    Args:
        network: on ``device``.
        sample_keys: draws keys.
        chunks: unmarked, (chunks, samples).
        shifts: time shifts that the detector searches beside 0, in samples.
        device: of the network.

    Returns:
        Threshold and standard deviation of the detection statistic, (2,).
    """
    generator = torch.Generator().manual_seed(CALIBRATION_SEED)
    maxima = []
    with torch.no_grad():
        for _ in range(KEYS_PER_CHUNK):
            for (batch,) in chunk_batches(chunks[:CALIBRATION_CHUNKS]):
                key = sample_keys(len(batch), generator).to(device)
                chunking = Chunking(batch.shape[-1], 0)
                statistics = [
                    detection_statistic(network.decode(chunking.split(batch.to(device), shift)[:, 0], key))
                    for shift in (0, *shifts)
                ]
                maxima.append(torch.stack(statistics).amax(0).cpu())
    statistic = torch.cat(maxima)
    deviation = statistic.std(unbiased=False).clamp(min=1e-6)
    return torch.stack([statistic.quantile(1 - FALSE_POSITIVE_RATE), deviation])
