"""Character n-grams by their hashes: an embedding that needs no model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from sanguinaria.embedders import Embed, Embedder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch


class Hashed(Embedder):
    """The signed counts of a text's n-grams, brought to a length of 1.

    Every n-gram adds 1 or −1 in one place, both by its hash (Weinberger et al., 2009, arXiv:0902.2206), so that texts
    which share parts of words are near each other. Words are in lower case and begin and end with a space.
    """

    size: int = Field(default=768, ge=8, description="places, 768 as TDAP's text feature")
    shortest: int = Field(default=2, ge=1, description="characters of an n-gram")
    longest: int = Field(default=4, ge=1)

    @model_validator(mode="after")
    def _lengths_are_in_order(self) -> Hashed:
        if self.longest < self.shortest:
            raise ValueError(f"longest ({self.longest}) is below shortest ({self.shortest})")
        return self

    def embedder(self, device: torch.device) -> Embed:
        import torch

        def embed(texts: Sequence[str]) -> torch.Tensor:
            return torch.stack([self._of(text) for text in texts]).to(device)

        return embed

    def _of(self, text: str) -> torch.Tensor:
        import torch

        counts = torch.zeros(self.size)
        for part in self._parts(text):
            digest = hashlib.blake2b(part.encode(), digest_size=8).digest()
            counts[int.from_bytes(digest[1:], "big") % self.size] += 1 if digest[0] & 1 else -1
        unit: torch.Tensor = counts / counts.norm().clamp(min=1e-12)
        return unit

    def _parts(self, text: str) -> Iterator[str]:
        for word in text.lower().split():
            spaced = f" {word} "
            for length in range(self.shortest, self.longest + 1):
                yield from (spaced[start : start + length] for start in range(len(spaced) - length + 1))
