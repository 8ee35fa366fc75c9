"""Feature hashing of character n-grams: a text embedding that needs no model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from sanguinaria.embedders import Embedder, EmbedTexts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch


class Hashed(Embedder):
    """The signed counts of a text's n-grams, normalised to a Euclidean norm of 1.

    The hash of an n-gram chooses its dimension and its sign, +1 or −1 (Weinberger et al., 2009, arXiv:0902.2206), so
    that texts which share parts of words are near each other. Words are in lower case and begin and end with a space.
    """

    renamed: ClassVar[Mapping[str, str]] = {"shortest": "minimum_length", "longest": "maximum_length"}

    size: int = Field(default=768, ge=8, description="dimensions, 768 as TDAP's text feature")
    minimum_length: int = Field(default=2, ge=1, description="characters of the shortest n-grams")
    maximum_length: int = Field(default=4, ge=1, description="characters of the longest n-grams")

    @model_validator(mode="after")
    def _lengths_are_in_order(self) -> Hashed:
        if self.maximum_length < self.minimum_length:
            raise ValueError(f"maximum_length ({self.maximum_length}) is below minimum_length ({self.minimum_length})")
        return self

    def embedder(self, device: torch.device) -> EmbedTexts:
        import torch

        def embed(texts: Sequence[str]) -> torch.Tensor:
            return torch.stack([self._embed(text) for text in texts]).to(device)

        return embed

    def _embed(self, text: str) -> torch.Tensor:
        """Return the embedding of one text, (size,)."""
        import torch

        counts = torch.zeros(self.size)
        for ngram in self._ngrams(text):
            digest = hashlib.blake2b(ngram.encode(), digest_size=8).digest()
            counts[int.from_bytes(digest[1:], "big") % self.size] += 1 if digest[0] & 1 else -1
        unit: torch.Tensor = counts / counts.norm().clamp(min=1e-12)
        return unit

    def _ngrams(self, text: str) -> Iterator[str]:
        """Yield the character n-grams of a text's words."""
        for word in text.lower().split():
            spaced = f" {word} "
            for length in range(self.minimum_length, self.maximum_length + 1):
                yield from (spaced[start : start + length] for start in range(len(spaced) - length + 1))
