"""A trained keyed network with one key: marks audio of any length, finds the mark and reads its message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch

from sanguinaria.audio.chunking import Chunking, chunk_batches
from sanguinaria.audio.resampling import prepare_network_input, resample
from sanguinaria.watermarks import Detection, Marker
from sanguinaria.watermarks._invertible.keys import Key, RandomKeys
from sanguinaria.watermarks._invertible.network import KeyedNetwork
from sanguinaria.watermarks._message_parts import MessageParts

# The share of unmarked audio that the detector's score says is marked.
FALSE_POSITIVES = 0.01
# Unmarked pieces that the detector is calibrated on, and random keys for each.
CALIBRATED_ON, KEYS_EACH = 256, 2
CALIBRATION_SEED = 2


@dataclass(frozen=True)
class KeyedMarker(Marker):
    """A network on a device, and one key; utterances do not depend on others in their batch, but for rounding.

    Audio longer than a piece is marked piece by piece (:class:`sanguinaria.audio.chunking.Chunking`). A message of
    several parts, of as many bits as a piece carries each, is spread over as many pieces, and starts again after them.

    Where ratios of speech to mark are given, each piece gets the quietest mark from which its bits are read surely: the
    embedder has the decoder at hand. Most speech needs little, and what needs more is mostly noise, which hides more.

    The detector's statistic is the mean over the bits of the absolute value of their logits, of means over the pieces:
    near 0 where a key reads nothing, in which the network was trained, and large where every bit is sure. Its
    calibration, from unmarked speech and random keys, is the value that :data:`FALSE_POSITIVES` of them exceed, whose
    score is ½, and their standard deviation. Of several shifts of time the one with the largest statistic is
    read; the calibration, too, is of the largest of as many.

    Attributes:
        calibration: threshold and standard deviation, (2,).
        ratios: in dB, of a piece to its mark, from quiet to loud; none where the network decides.
        sureness: the logit that every bit has to reach for a mark to be loud enough.
        shifts: in samples at ``network_rate``, by which audio may have been delayed since it was marked.
        network_rate, sample_rate: in Hz, of the network and of the audio, which is resampled if they differ.
    """

    network: KeyedNetwork
    key: Key
    calibration: torch.Tensor
    pieces: Chunking
    parts: int
    ratios: Sequence[float]
    sureness: float
    shifts: Sequence[int]
    network_rate: int
    sample_rate: int
    device: torch.device

    def watermark(self, waveforms: torch.Tensor, message: torch.Tensor | None) -> torch.Tensor:
        """What to add to each utterance, (utterances, samples) → same, float32.

        Args:
            waveforms: in [−1, 1].
            message: (bits,) or (utterances, bits) of 0 and 1, for all parts.

        Raises:
            ValueError: the message is none of these.
            InputError: the utterances are too short for a window or for the message.
        """
        audio = self._heard(waveforms)
        length = audio.shape[-1]
        carried = self._parts.of(message, len(audio), length).to(self.device)
        cut = self.pieces.split(audio)
        marks = [self._mark(*some) for some in chunk_batches(cut.flatten(0, 1), carried.flatten(0, 1))]
        mark = self.pieces.overlap_add(torch.cat(marks).unflatten(0, cut.shape[:2]), length)  # type: ignore[no-untyped-call]
        return resample(mark, self.network_rate, self.sample_rate)[..., : waveforms.shape[-1]].to(waveforms)

    def detect(self, waveforms: torch.Tensor) -> Detection:
        """Score in [0, 1] that each utterance carries a mark of this key, (utterances,), ½ from the calibration's
        threshold on; and the probability of a 1 for each bit of its message, (utterances, bits).

        Raises:
            InputError: the utterances are shorter than a window.
        """
        audio = self._heard(waveforms)
        threshold, spread = self.calibration.to(self.device)
        logits = self._logits(audio, 0)
        unsure = (statistic(logits) < threshold).nonzero()[:, 0]
        for shift in self.shifts if len(unsure) else ():
            found = self._logits(audio[unsure], shift)
            better = statistic(found) > statistic(logits[unsure])
            logits[unsure[better]] = found[better]
        scores = ((statistic(logits) - threshold) / spread).sigmoid()
        return Detection(scores.to(waveforms.device), logits.sigmoid().to(waveforms.device))

    def _mark(self, waveforms: torch.Tensor, messages: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            first = self.ratios[0] if self.ratios else None
            mark = self.network.mark(waveforms, messages, self.key.expand(len(waveforms)), first)
            weak = torch.arange(len(mark), device=self.device)
            for quieter, louder in pairwise(self.ratios):
                read = self.network.read(waveforms[weak] + mark[weak], self.key.expand(len(weak)))
                weak = weak[(read * (2 * messages[weak] - 1)).amin(1) < self.sureness]
                if not len(weak):
                    break
                mark[weak] *= 10 ** ((quieter - louder) / 20)
            return mark

    def _logits(self, audio: torch.Tensor, shift: int) -> torch.Tensor:
        """(utterances, samples) → (utterances, parts · bits): means over a part's pieces, by their shares of audio."""
        cut = self.pieces.split(audio, shift)
        with torch.no_grad():
            read = [self.network.read(some, self.key.expand(len(some))) for (some,) in chunk_batches(cut.flatten(0, 1))]
        found = torch.cat(read).unflatten(0, cut.shape[:2])  # type: ignore[no-untyped-call]
        return self._parts.means(found, audio.shape[-1])

    @property
    def _parts(self) -> MessageParts:
        return MessageParts(self.pieces, self.parts, self.network.bits)

    def _heard(self, waveforms: torch.Tensor) -> torch.Tensor:
        return prepare_network_input(waveforms, self.sample_rate, self.network_rate, self.network.band.fft, self.device)


def statistic(logits: torch.Tensor) -> torch.Tensor:
    """How sure a reading is, (utterances, bits) → (utterances,)."""
    return logits.abs().mean(-1)


def calibrate(
    network: KeyedNetwork, random_keys: RandomKeys, pieces: torch.Tensor, shifts: Sequence[int], device: torch.device
) -> torch.Tensor:
    """A detector's calibration from unmarked pieces (pieces, samples): threshold and standard deviation, (2,)."""
    random = torch.Generator().manual_seed(CALIBRATION_SEED)
    found = []
    with torch.no_grad():
        for _ in range(KEYS_EACH):
            for (some,) in chunk_batches(pieces[:CALIBRATED_ON]):
                key = random_keys(len(some), random).to(device)
                cut = Chunking(some.shape[-1], 0)
                sure = [statistic(network.read(cut.split(some.to(device), shift)[:, 0], key)) for shift in (0, *shifts)]
                found.append(torch.stack(sure).amax(0).cpu())
    statistics = torch.cat(found)
    spread = statistics.std(unbiased=False).clamp(min=1e-6)
    return torch.stack([statistics.quantile(1 - FALSE_POSITIVES), spread])
