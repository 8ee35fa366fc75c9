"""Features of utterances and their labels: the data sets that networks are trained and tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import torch

# Bytes up to which a training holds its features in memory, as one tensor. The published corpora of keywords are
# smaller; speech of speakers, which may be larger than memory, stays in its files.
MEMORY_LIMIT = 2**30


class Features:
    """Features of utterances in a fixed order, (channels, times) each, in half precision.

    They may be memory-mapped files, of which only the rows that are indexed are read: a corpus may be larger than
    memory.

    Example:
        >>> features = Features([torch.zeros(3, 80, 100), torch.ones(2, 80, 100)])
        >>> len(features), features.shape, features[torch.tensor([2, 3])].mean((1, 2)).tolist()
        (5, (80, 100), [0.0, 1.0])
    """

    def __init__(self, parts: Sequence[torch.Tensor], rows: torch.Tensor | None = None) -> None:
        """
        Args:
            parts: tensors (utterances, channels, times), in memory or memory-mapped.
            rows: where each utterance is, (utterances, 2): the number of its part, and its row there. All rows in
                order, where ``None``.
        """
        self._parts = tuple(parts)
        self._rows = _all_rows(self._parts) if rows is None else rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, positions: torch.Tensor) -> torch.Tensor:
        """Gather the features at positions (batch,): (batch, channels, times), with one gather from each part."""
        parts, rows = self._rows[positions].unbind(1)
        present = sorted(set(parts.tolist()))
        if len(present) == 1:
            return torch.index_select(self._parts[present[0]], 0, rows)
        batch: torch.Tensor = self._parts[0].new_empty(len(rows), *self.shape)
        for part in present:
            chosen = (parts == part).nonzero()[:, 0]
            batch.index_copy_(0, chosen, self._parts[part].index_select(0, rows[chosen]))
        return batch

    @property
    def shape(self) -> tuple[int, int]:
        """Channels and times of each utterance."""
        _, channels, times = self._parts[0].shape
        return channels, times

    def in_memory(self, limit: int = MEMORY_LIMIT) -> Features:
        """Return these features as one tensor in memory, or as they are where it would exceed ``limit`` bytes."""
        if not len(self) or len(self) * prod(self.shape) * self._parts[0].element_size() > limit:
            return self
        return Features([self[torch.arange(len(self))]])

    def subset(self, positions: Sequence[int] | torch.Tensor) -> Features:
        """Return the features at ``positions``, in that order, without reading them."""
        return Features(self._parts, self._rows[torch.as_tensor(positions, dtype=torch.long)])

    def __add__(self, other: Features) -> Features:
        """Concatenate two sets of features without reading them."""
        shifted = other._rows + torch.tensor([len(self._parts), 0])
        return Features(self._parts + other._parts, torch.cat([self._rows, shifted]))


def _all_rows(parts: Sequence[torch.Tensor]) -> torch.Tensor:
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

    def in_memory(self) -> FeatureDataset:
        """Return the data set with its features in memory, where they fit (:meth:`Features.in_memory`)."""
        return replace(self, features=self.features.in_memory())

    def batch(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Gather the features (batch, channels, times) and the labels (batch,) at positions (batch,)."""
        return self.features[positions], self.labels[positions]


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
