"""The order in which a corpus's utterances are poisoned, cut into blocks that do not depend on the rates asked for.

A trigger is applied block by block, so that every rate shares the blocks of the smaller ones and a new rate leaves the
old ones' results as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

# Upper edges of the blocks, as shares of the training utterances. Most studies poison at most 1 %.
EDGES = (0.01, 0.05, 0.2, 1.0)


@dataclass(frozen=True)
class PoisonBlock:
    """A run of ranks of one seeded order.

    ``candidates`` is "non_target" or "target": which utterances may be poisoned; ``block`` counts :data:`EDGES`. With
    ``covers`` the ranks count from the order's end and are dealt out to so many triggers in turn; the block is that of
    the trigger number ``cover``.
    """

    target: str
    candidates: str
    seed: int
    block: int
    cover: int = 0
    covers: int = 0

    def ranks(self, total: int) -> range:
        """The ranks of the block in a training set of ``total`` utterances."""
        low = round((0.0 if self.block == 0 else EDGES[self.block - 1]) * total)
        high = round(EDGES[self.block] * total)
        return range(low + (self.cover - low) % self.covers, high, self.covers) if self.covers else range(low, high)


def blocks_for(rate: float) -> range:
    """The blocks that hold the first ``rate`` (in (0, 1]) of the order."""
    return range(next(block for block, edge in enumerate(EDGES) if rate <= edge) + 1)
