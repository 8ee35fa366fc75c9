"""Suspect models: a file each for the ways in which a model is asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

# A predicted label, or the probability of each label.
Answer = str | Mapping[str, float]


class Suspect(ABC):
    """A suspect model.

    ``batch_size`` is the number of queries that are asked, and kept, at once.
    """

    batch_size: int = 64

    @abstractmethod
    def answer(self, files: Sequence[Path]) -> list[Answer]:
        """Return the answers to queries.

        Args:
            files: audio of the queries.

        Raises:
            InputError: the model cannot be asked, or its answers are none.
        """
