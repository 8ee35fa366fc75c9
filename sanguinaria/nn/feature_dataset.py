"""Features of utterances and their labels: the data sets that networks are trained and tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sanguinaria.core.tensors import TensorRows


class Features:
    """Features of utterances in a fixed order, (channels, times) each, in half precision.

    They may stay in files, of which only the rows that are indexed are read: a corpus may be larger than memory.

    Example:
        >>> features = Features([torch.zeros(3, 80, 100), torch.ones(2, 80, 100)])
        >>> len(features), features.shape, features[torch.tensor([2, 3])].mean((1, 2)).tolist()
        (5, (80, 100), [0.0, 1.0])
    """

    def __init__(self, parts: Sequence[torch.Tensor | TensorRows], rows: torch.Tensor | None = None) -> None:
        """
        Args:
            parts: tensors, or tensors in files, (utterances, channels, times) each.
            rows: where each utterance is, (utterances, 2): the number of its part, and its row there. All rows in
                order, where ``None``.
        """
        self._parts = tuple(parts)
        self._rows = _all_rows(self._parts) if rows is None else rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, positions: torch.Tensor) -> torch.Tensor:
        """Read the features at positions (batch,): (batch, channels, times)."""
        return torch.stack([self._parts[part][row] for part, row in self._rows[positions].tolist()])

    @property
    def shape(self) -> tuple[int, int]:
        """Channels and times of each utterance."""
        _, channels, times = self._parts[0].shape
        return channels, times

    def subset(self, positions: Sequence[int] | torch.Tensor) -> Features:
        """Return the features at ``positions``, in that order, without reading them."""
        return Features(self._parts, self._rows[torch.as_tensor(positions, dtype=torch.long)])

    def __add__(self, other: Features) -> Features:
        """Concatenate two sets of features without reading them."""
        shifted = other._rows + torch.tensor([len(self._parts), 0])
        return Features(self._parts + other._parts, torch.cat([self._rows, shifted]))


def _all_rows(parts: Sequence[torch.Tensor | TensorRows]) -> torch.Tensor:
    """The part and the row of every utterance, in order: (utterances, 2)."""
    rows = [torch.stack([torch.full((len(part),), n), torch.arange(len(part))], 1) for n, part in enumerate(parts)]
    return torch.cat([torch.empty(0, 2, dtype=torch.long), *rows])


@dataclass(frozen=True)
class FeatureDataset:
    """Features and class indices.

    Attributes:
        features: of the utterances.
        labels: positions of their labels among the sorted labels, (utterances,).
    """

    features: Features
    labels: torch.Tensor


def empty_dataset(shape: tuple[int, int]) -> FeatureDataset:
    """Return a data set without utterances, whose features have the shape (channels, times).

    Example:
        >>> len(empty_dataset((80, 100)).labels)
        0
    """
    features = Features([torch.empty(0, *shape, dtype=torch.float16)])
    return FeatureDataset(features, torch.empty(0, dtype=torch.long))


def dummy_input(shape: tuple[int, int], device: torch.device) -> torch.Tensor:
    """Return zeros (1, channels, times): an input for a forward pass of which only the shapes matter."""
    return torch.zeros(1, *shape, device=device)
