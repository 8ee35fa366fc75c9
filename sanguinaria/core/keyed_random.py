"""Random draws that follow from a secret: recomputed by whoever knows it, and unpredictable to everybody else."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class KeyedRandom:
    """Draws by HMAC-SHA256; each has a name, and draws of different names are independent.

    Args:
        secret: key of the HMAC.
        public_value: text that is hashed with every name, so that whoever chose the secret before this value was known
            could not choose the draws.
    """

    secret: bytes = field(repr=False)
    public_value: str = ""

    def digest(self, name: str) -> bytes:
        """Return 32 bytes by the name of the draw.

        >>> KeyedRandom(b"s").digest("key 0") != KeyedRandom(b"s", "B").digest("key 0")
        True
        """
        value = self.public_value.encode()
        return hmac.digest(self.secret, len(value).to_bytes(8, "big") + value + name.encode(), hashlib.sha256)

    def integer(self, name: str, below: int) -> int:
        """Return a uniform integer in 0 … below − 1, unbiased by rejection.

        Args:
            name: of the draw.
            below: a positive number.
        """
        limit = 2**64 // below * below
        for attempt in count():
            value = int.from_bytes(self.digest(f"{name} {attempt}")[:8], "big")
            if value < limit:
                return value % below
        raise AssertionError("unreachable")

    def order(self, name: str, items: Iterable[str]) -> list[str]:
        """Return distinct items in a uniformly random order, which does not depend on the order given.

        Args:
            name: of the draw.
            items: texts to be sorted.
        """
        return sorted(items, key=lambda item: self.digest(f"{name} {item}"))

    def generator(self, name: str) -> np.random.Generator:
        """Return numpy's generator, seeded by the name of the draw."""
        import numpy as np

        return np.random.default_rng(int.from_bytes(self.digest(name), "big"))
