"""What networks are trained on and asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sanguinaria.core.tensors import TensorRows


class Features:
    """What a front end made of utterances, each (channels, times), half precision, in one order.

    They may stay in files, of which only what is asked for is read: a corpus may be larger than memory.
    """

    def __init__(self, parts: Sequence[torch.Tensor | TensorRows], places: torch.Tensor | None = None) -> None:
        """
        Args:
            parts: tensors, or files of rows, (utterances, channels, times) each.
            places: of each utterance, (utterances, 2): its part, and its row there; all, in order, where ``None``.
        """
        self._parts = tuple(parts)
        self._places = _all_places(self._parts) if places is None else places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, positions: torch.Tensor) -> torch.Tensor:
        """Some of them, read: positions (some,) → (some, channels, times)."""
        return torch.stack([self._parts[part][row] for part, row in self._places[positions].tolist()])

    @property
    def shape(self) -> tuple[int, int]:
        """Channels and times of each."""
        _, channels, times = self._parts[0].shape
        return channels, times

    def subset(self, positions: Sequence[int] | torch.Tensor) -> Features:
        """Those at some positions, in their order; nothing is read."""
        return Features(self._parts, self._places[torch.as_tensor(positions, dtype=torch.long)])

    def __add__(self, other: Features) -> Features:
        """These, and then the others; nothing is read."""
        moved = other._places + torch.tensor([len(self._parts), 0])
        return Features(self._parts + other._parts, torch.cat([self._places, moved]))


def _all_places(parts: Sequence[torch.Tensor | TensorRows]) -> torch.Tensor:
    places = [torch.stack([torch.full((len(part),), n), torch.arange(len(part))], 1) for n, part in enumerate(parts)]
    return torch.cat([torch.empty(0, 2, dtype=torch.long), *places])


@dataclass(frozen=True)
class FeatureDataset:
    """Inputs, and the positions of their labels (utterances,)."""

    features: Features
    labels: torch.Tensor


def empty_dataset(shape: tuple[int, int]) -> FeatureDataset:
    """Examples of no utterance, which would have so many channels and times."""
    nothing = Features([torch.empty(0, *shape, dtype=torch.float16)])
    return FeatureDataset(nothing, torch.empty(0, dtype=torch.long))


def dummy_input(shape: tuple[int, int], device: torch.device) -> torch.Tensor:
    """An input of zeros (1, channels, times): what a network is tried with where only its shapes matter."""
    return torch.zeros(1, *shape, device=device)
