"""Embedders: from a text to numbers that a network is told."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.core import plugins
from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    import torch

# From texts to (texts, size); an empty text is all zeros.
Embed = Callable[[Sequence[str]], "torch.Tensor"]


class Embedder(Plugin):
    """The protocol of an embedder. It is not trained here: the linear layer that its numbers pass through is."""

    room: ClassVar[str] = "embedders"

    # How many numbers a text becomes.
    size: int

    @abstractmethod
    def embedder(self, device: torch.device) -> Embed:
        """A function from texts to their embeddings on a device.

        Raises:
            InputError: a model is absent, or of another size; the message says where it belongs.
        """


def from_text(text: str) -> Embedder:
    """The plug-in that the settings in the specification of a stage tell of."""
    found = plugins.build("embedders", json.loads(text))
    assert isinstance(found, Embedder)
    return found
