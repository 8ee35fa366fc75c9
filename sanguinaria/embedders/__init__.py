"""Embedders: text embeddings that a network is conditioned on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.core import plugins
from sanguinaria.core.plugins import Plugin
from sanguinaria.core.references import Reference

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
            InputError: a model is absent, or of another size; the message states where it belongs.
        """


def resolve(reference: Reference) -> Embedder:
    """Return the embedder whose settings a reference of a specification has."""
    embedder = plugins.resolve(reference)
    assert isinstance(embedder, Embedder)
    return embedder
