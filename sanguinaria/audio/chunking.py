"""Splitting of audio into overlapping chunks of constant length, and overlap-add."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import pad

# Chunks in a batch: memory does not grow with the number of utterances.
BATCH_SIZE = 16
# A chunk carries its part of a message where at least this share of it is audio.
MINIMUM_AUDIO_SHARE = 0.5


def chunk_batches(*tensors: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
    """Split tensors of chunks into batches of at most :data:`BATCH_SIZE`.

    Args:
        tensors: each (chunks, …), with the same number of chunks.

    Returns:
        A tuple for each batch, with a part of each tensor.
    """
    return list(zip(*(torch.split(tensor, BATCH_SIZE) for tensor in tensors), strict=True))


@dataclass(frozen=True)
class Chunking:
    """Chunks of constant length, joined by a linear crossfade; the last one may extend beyond the end of the audio.

    >>> Chunking(samples=100, overlap=20).starts(250)
    [0, 80, 160]

    Args:
        samples: the length of a chunk.
        overlap: the samples that a chunk has in common with the next one.
    """

    samples: int
    overlap: int

    def starts(self, length: int) -> list[int]:
        """Return the first samples of the chunks that cover audio of ``length`` samples."""
        stride = self.samples - self.overlap
        count = max(1, -(-(length - self.overlap) // stride))
        return [stride * chunk for chunk in range(count)]

    def audio_shares(self, length: int) -> torch.Tensor:
        """Return the share of each chunk that is within audio of ``length`` samples, (chunks,)."""
        starts = torch.tensor(self.starts(length))
        return ((length - starts) / self.samples).clamp(max=1.0)

    def split(self, waveforms: torch.Tensor, shift: int = 0) -> torch.Tensor:
        """Split waveforms into chunks, zero-padded beyond the ends.

        Args:
            waveforms: (utterances, samples).
            shift: the samples by which each chunk begins later; negative for earlier.

        Returns:
            (utterances, chunks, samples of a chunk).
        """
        length = waveforms.shape[-1]
        starts = self.starts(length)
        padded = pad(waveforms, (max(0, -shift), starts[-1] + self.samples - length + max(0, shift)))
        begin = max(0, shift)
        return torch.stack([padded[:, begin + start : begin + start + self.samples] for start in starts], 1)

    def overlap_add(self, chunks: torch.Tensor, length: int) -> torch.Tensor:
        """Join chunks (utterances, chunks, samples of a chunk) into waveforms (utterances, length)."""
        starts = self.starts(length)
        joined = chunks.new_zeros(len(chunks), starts[-1] + self.samples)
        for start, chunk, gains in zip(starts, chunks.unbind(1), self._crossfade_gains(len(starts)), strict=True):
            joined[:, start : start + self.samples] += chunk * gains.to(chunks)
        return joined[:, :length]

    def _crossfade_gains(self, count: int) -> torch.Tensor:
        """Gains (chunks, samples of a chunk), whose overlapping sum is 1 at every sample."""
        rise = (torch.arange(self.overlap) + 0.5) / max(1, self.overlap)
        gains = torch.ones(count, self.samples)
        gains[1:, : self.overlap] = rise
        gains[:-1, self.samples - self.overlap :] = rise.flip(0)
        return gains
