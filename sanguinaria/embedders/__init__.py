"""Embedders: text embeddings that a network is conditioned on."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.core import plugins
from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    import torch

# From texts to embeddings (texts, size); that of an empty text is all zeros.
EmbedTexts = Callable[[Sequence[str]], "torch.Tensor"]


class Embedder(Plugin):
    """Protocol of a text embedder. It is not trained here: the linear layer after it is."""

    room: ClassVar[str] = "embedders"

    # Dimensions of an embedding.
    size: int

    @abstractmethod
    def embedder(self, device: torch.device) -> EmbedTexts:
        """Return a function from texts to their embeddings on a device.

        Raises:
            InputError: a model is absent, or of another size; the message says where it belongs.
        """


def from_settings(text: str) -> Embedder:
    """Return the embedder whose settings, as JSON, are in the specification of a stage."""
    embedder = plugins.build("embedders", json.loads(text))
    assert isinstance(embedder, Embedder)
    return embedder
