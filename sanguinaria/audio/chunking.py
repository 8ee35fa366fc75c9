"""Audio of any length in pieces of one length, and back again."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import pad

# Pieces in one pass: memory does not grow with the number of utterances.
BATCH_SIZE = 16
# A piece carries its part of a message where at least this share of it is audio.
MINIMUM_AUDIO_SHARE = 0.5


def chunk_batches(*batches: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
    """Batches of as many pieces each, (pieces, …), in passes of at most :data:`BATCH_SIZE`."""
    return list(zip(*(torch.split(batch, BATCH_SIZE) for batch in batches), strict=True))


@dataclass(frozen=True)
class Chunking:
    """Pieces of ``samples``, each of which begins ``overlap`` before the last one ends; one may reach beyond the end.

    Where two overlap, one fades out as the other fades in, in a straight line.
    """

    samples: int
    overlap: int

    def starts(self, length: int) -> list[int]:
        """Where the pieces of audio of a length begin, so that they cover all of it."""
        stride = self.samples - self.overlap
        count = max(1, -(-(length - self.overlap) // stride))
        return [stride * piece for piece in range(count)]

    def audio_shares(self, length: int) -> torch.Tensor:
        """The share of each piece that lies within the audio, (pieces,)."""
        starts = torch.tensor(self.starts(length))
        return ((length - starts) / self.samples).clamp(max=1.0)

    def split(self, waveforms: torch.Tensor, shift: int = 0) -> torch.Tensor:
        """(utterances, samples) → (utterances, pieces, samples), zeros beyond the ends; each begins ``shift`` later."""
        length = waveforms.shape[-1]
        starts = self.starts(length)
        padded = pad(waveforms, (max(0, -shift), starts[-1] + self.samples - length + max(0, shift)))
        begin = max(0, shift)
        return torch.stack([padded[:, begin + start : begin + start + self.samples] for start in starts], 1)

    def overlap_add(self, pieces: torch.Tensor, length: int) -> torch.Tensor:
        """(utterances, pieces, samples) → (utterances, length)."""
        starts = self.starts(length)
        joined = pieces.new_zeros(len(pieces), starts[-1] + self.samples)
        for start, piece, fade in zip(starts, pieces.unbind(1), self._fades(len(starts)), strict=True):
            joined[:, start : start + self.samples] += piece * fade.to(pieces)
        return joined[:, :length]

    def _fades(self, count: int) -> torch.Tensor:
        """Gains (pieces, samples), which add up to 1 everywhere."""
        rise = (torch.arange(self.overlap) + 0.5) / max(1, self.overlap)
        fades = torch.ones(count, self.samples)
        fades[1:, : self.overlap] = rise
        fades[:-1, self.samples - self.overlap :] = rise.flip(0)
        return fades
