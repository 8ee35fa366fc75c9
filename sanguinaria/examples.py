"""What networks are trained on and asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sanguinaria.tensors import Rows


class Spectrograms:
    """Spectrograms of utterances, each (bands, frames), half precision, in one order.

    They may stay in files, of which only what is asked for is read: a corpus may be larger than memory.
    """

    def __init__(self, parts: Sequence[torch.Tensor | Rows], places: torch.Tensor | None = None) -> None:
        """
        Args:
            parts: tensors, or files of rows, (utterances, bands, frames) each.
            places: of each utterance, (utterances, 2): its part, and its row there; all, in order, where ``None``.
        """
        self._parts = tuple(parts)
        self._places = _all_places(self._parts) if places is None else places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, positions: torch.Tensor) -> torch.Tensor:
        """Some of them, read: positions (some,) → (some, bands, frames)."""
        return torch.stack([self._parts[part][row] for part, row in self._places[positions].tolist()])

    @property
    def bands(self) -> int:
        return self._parts[0].shape[1]

    def chosen(self, positions: Sequence[int] | torch.Tensor) -> Spectrograms:
        """Those at some positions, in their order; nothing is read."""
        return Spectrograms(self._parts, self._places[torch.as_tensor(positions, dtype=torch.long)])

    def __add__(self, other: Spectrograms) -> Spectrograms:
        """These, and then the others; nothing is read."""
        moved = other._places + torch.tensor([len(self._parts), 0])
        return Spectrograms(self._parts + other._parts, torch.cat([self._places, moved]))


def _all_places(parts: Sequence[torch.Tensor | Rows]) -> torch.Tensor:
    places = [torch.stack([torch.full((len(part),), n), torch.arange(len(part))], 1) for n, part in enumerate(parts)]
    return torch.cat([torch.empty(0, 2, dtype=torch.long), *places])


@dataclass(frozen=True)
class Examples:
    """Spectrograms, and the positions of their labels (utterances,)."""

    spectrograms: Spectrograms
    labels: torch.Tensor


def no_examples(bands: int) -> Examples:
    """Examples of no utterance."""
    nothing = Spectrograms([torch.empty(0, bands, 0, dtype=torch.float16)])
    return Examples(nothing, torch.empty(0, dtype=torch.long))


def blank(bands: int, device: torch.device) -> torch.Tensor:
    """A spectrogram of zeros (1, bands, 64): what a network is tried with where only its shapes matter."""
    return torch.zeros(1, bands, 64, device=device)
