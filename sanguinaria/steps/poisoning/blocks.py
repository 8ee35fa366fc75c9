"""Blocks of the poisoning order, which do not depend on the poisoning rates.

A trigger is applied block by block, so that a rate shares the blocks of all smaller rates, and a new rate leaves
existing results valid.
"""

from __future__ import annotations

from dataclasses import dataclass

# Upper edges of the blocks, as shares of the training utterances. Most studies poison at most 1 %.
EDGES = (0.01, 0.05, 0.2, 1.0)


@dataclass(frozen=True, kw_only=True)
class PoisonBlock:
    """A range of ranks of one seeded order of the training utterances.

    Attributes:
        target: the target label y_t.
        candidates: "non_target" or "target", the utterances that may be poisoned.
        seed: of the order.
        block: index of the block in :data:`EDGES`.
        cover: index of the cover trigger that this block belongs to.
        covers: number of cover triggers; 0 for a block of poisoned utterances. Ranks of covers count from the end of
            the order and are dealt out to the cover triggers in turn.
    """

    target: str
    candidates: str
    seed: int
    block: int
    cover: int = 0
    covers: int = 0

    def ranks(self, total: int) -> range:
        """Return the ranks of the block in a training set of ``total`` utterances.

        >>> PoisonBlock(target="left", candidates="non_target", seed=0, block=1).ranks(1000)
        range(10, 50)
        """
        low = round((0.0 if self.block == 0 else EDGES[self.block - 1]) * total)
        high = round(EDGES[self.block] * total)
        return range(low + (self.cover - low) % self.covers, high, self.covers) if self.covers else range(low, high)


def blocks_for(rate: float) -> range:
    """Return the indices of the blocks that hold the first ``rate`` of the order, a share in (0, 1].

    >>> list(blocks_for(0.02))
    [0, 1]
    """
    return range(next(block for block, edge in enumerate(EDGES) if rate <= edge) + 1)
