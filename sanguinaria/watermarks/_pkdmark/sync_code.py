"""Detection by a synchronisation code: some bits of a message are known beforehand (PKDMark, section IV-C)."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import torch


@dataclass(frozen=True)
class SyncCode:
    """Known bits, at least ``required`` of which have to be read right for audio to count as marked.

    The paper has 8, of which 7 are required, and does not tell which bits they are.
    """

    bits: tuple[int, ...]
    required: int

    @property
    def false_positive_rate(self) -> float:
        """How often bits that are read by chance, each right with probability ½ and for itself, are enough:
        P(X ≥ r) = Σ_{k=r}^{n} C(n, k) / 2^n for X ~ Binomial(n, ½). With 7 of 8 it is 9/256."""
        length = len(self.bits)
        return float(sum(comb(length, right) for right in range(self.required, length + 1)) / 2**length)

    def matches(self, probabilities: torch.Tensor) -> torch.Tensor:
        """How many bits are right, of probabilities of a 1: (utterances, bits) → (utterances,)."""
        code = torch.tensor(self.bits, device=probabilities.device)
        return ((probabilities >= 0.5) == (code > 0)).sum(-1)

    def score(self, probabilities: torch.Tensor) -> torch.Tensor:
        """In [0, 1]: below ½ where too few bits are right, ½ at the required number, and 1 where all are.

        Probabilities (utterances, bits) → (utterances,).
        """
        right, spare = self.matches(probabilities).float(), len(self.bits) - self.required
        above = 0.5 + 0.5 * (right - self.required) / spare if spare else torch.ones_like(right)
        return torch.where(right >= self.required, above, 0.5 * right / self.required)
