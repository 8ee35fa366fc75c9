"""Detection by a synchronisation code: fixed bits at the beginning of every message (PKDMark, section IV-C)."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import torch


@dataclass(frozen=True)
class SyncCode:
    """A code of which a required number of bits has to match for audio to be detected as marked.

    The paper has 8 bits, of which 7 are required, and does not give their values.

    Attributes:
        bits: 0 and 1.
        required: minimum number of matching bits.
        margin: by which a bit's probability has to be on its side of ½ to match.
        decodings: among which a detector chooses the one that matches best.
    """

    bits: tuple[int, ...]
    required: int
    margin: float = 0.0
    decodings: int = 1

    @property
    def false_positive_rate(self) -> float:
        """Probability that the required number of independent random bits matches in one of the decodings.

        P(X ≥ r) = Σ_{k=r}^{n} C(n, k) / 2^n for X ~ Binomial(n, ½). With 7 of 8 it is 9/256. Of d independent decodings
        it is 1 − (1 − P)^d. With a margin it is an upper bound.

        >>> SyncCode((1, 1, 1, 0, 0, 1, 0, 1), 7).false_positive_rate * 256
        9.0
        """
        length = len(self.bits)
        rate = sum(comb(length, matching) for matching in range(self.required, length + 1)) / 2**length
        return float(rate if self.decodings == 1 else 1 - (1 - rate) ** self.decodings)

    def matches(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Count the matching bits, from probabilities of a 1, (utterances, bits) → (utterances,)."""
        code = torch.tensor(self.bits, device=probabilities.device)
        certain = (probabilities - 0.5).abs() >= self.margin
        return (((probabilities >= 0.5) == (code > 0)) & certain).sum(-1)

    def agreement(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Compute the mean of (2p − 1)·(2b − 1) over the code's bits b, (utterances, bits) → (utterances,), in [−1, 1].

        >>> SyncCode((1, 0), 2).agreement(torch.tensor([[1.0, 0.0], [0.75, 0.5]]))
        tensor([1.0000, 0.2500])
        """
        signs = torch.tensor(self.bits, device=probabilities.device) * 2 - 1
        return ((2 * probabilities.clamp(0, 1) - 1) * signs).mean(-1)

    def score(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Compute a detection score from the number of matching bits.

        Args:
            probabilities: of a 1, (utterances, bits).

        Returns:
            (utterances,): below ½ where too few bits match, ½ at the required number, and 1 where all match.

        >>> SyncCode((1, 1, 1, 0), 3).score(torch.tensor([[0.9, 0.8, 0.7, 0.1], [0.9, 0.8, 0.1, 0.1]]))
        tensor([1.0000, 0.5000])
        """
        matching, spare = self.matches(probabilities).float(), len(self.bits) - self.required
        above = 0.5 + 0.5 * (matching - self.required) / spare if spare else torch.ones_like(matching)
        return torch.where(matching >= self.required, above, 0.5 * matching / self.required)
