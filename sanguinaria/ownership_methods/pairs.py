"""Two marked copies of each utterance, of which a coin publishes one: no label is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sanguinaria.core.errors import InputError
from sanguinaria.core.keyed_random import KeyedRandom
from sanguinaria.ownership_methods import Answers, Evidence, Marking, OwnershipMethod, Query, Terms
from sanguinaria.ownership_methods._marked_utterances import draw_utterances

if TYPE_CHECKING:
    import numpy as np

# e^700 is near the largest number of double precision.
LARGEST_EXPONENT = 700.0


class Pairs(OwnershipMethod):
    """A copy of each drawn utterance is marked with one of two keys, by a coin; both copies are asked about."""

    statistic: ClassVar[str] = (
        "number X of pairs whose published copy has the higher probability of its label, ties by a seeded coin; "
        "p = P(Bin(N, 1/2) >= X), or with `sequential` the wealth E of betting on one pair after the other, confirmed "
        "once E >= 1/alpha"
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "Which copy of each utterance was published was decided by fair coins, from the committed secret.",
        "The other copy was never published.",
    )
    queries_training_data: ClassVar[bool] = True

    share: float = Field(default=0.1, gt=0, le=1, description="of the utterances that are published with a mark")
    sequential: bool = Field(default=False, description="whether pairs are bet on one after the other (e-value)")

    @property
    def keys(self) -> int:
        return 2

    def markings(self, labels_by_id: Mapping[str, str], labels: Sequence[str], random: KeyedRandom) -> list[Marking]:
        from sanguinaria.statistics.ownership.pairs import FEWEST

        drawn = draw_utterances(labels_by_id, self.share, 1, random)
        if len(drawn) < FEWEST:
            raise InputError(f"{len(drawn)} pairs: a test needs {FEWEST} or more; raise `share`")
        return [Marking(name, self.published_key(name, random), labels_by_id[name]) for name in drawn]

    def published_key(self, utterance_id: str, random: KeyedRandom) -> int:
        """Return the number of the key of an utterance's published copy, by a coin."""
        return random.integer(f"coin {utterance_id}", 2)

    def queries(self, utterance_ids: Sequence[str], random: KeyedRandom) -> list[Query]:
        return [Query(name, key) for name in utterance_ids for key in (0, 1)]

    def evaluate(self, queries: Sequence[Query], answers: Answers, terms: Terms) -> Evidence:
        import numpy as np

        from sanguinaria.statistics.ownership.pairs import pair_wins

        if answers.probabilities is None:
            raise InputError("pairs need probabilities, and the answers are labels alone; ask for probabilities")
        names = [query.utterance_id for query in queries[::2]]
        columns = np.repeat([terms.labels.index(terms.label_of[name]) for name in names], 2)
        scores = answers.probabilities[np.arange(len(columns)), columns].reshape(-1, 2)
        published = np.array([self.published_key(name, terms.random) for name in names])
        rows = np.arange(len(names))
        wins = pair_wins(scores[rows, published], scores[rows, 1 - published], terms.random.generator("ties"))
        return self._sequential_evidence(wins, terms.alpha) if self.sequential else self._evidence(wins, terms.alpha)

    def _evidence(self, wins: np.ndarray, alpha: float) -> Evidence:
        from sanguinaria.statistics.ownership.pairs import pairs_p_value, wins_needed
        from sanguinaria.statistics.ownership.power import pairs_power

        won, pairs = int(wins.sum()), len(wins)
        p_value = pairs_p_value(won, pairs)
        needed = wins_needed(pairs, alpha)
        return Evidence(
            confirmed=p_value <= alpha,
            p_value=p_value,
            e_value=None,
            counts={"wins": won, "pairs": pairs, "wins_needed": needed},
            power={
                f"if the published copy wins {rate:.0%} of pairs": pairs_power(pairs, rate, alpha)
                for rate in (0.55, 0.6, 0.7)
            },
            findings=[
                f"In {won} of {pairs} pairs the published copy has the higher probability. A model that does not "
                f"depend on the published copies is expected to show {pairs / 2:g}; {needed} were needed.",
            ],
        )

    def _sequential_evidence(self, wins: np.ndarray, alpha: float) -> Evidence:
        from sanguinaria.statistics.ownership.betting import log_e_value, stopping_pair

        stop = stopping_pair(wins, alpha)
        used = len(wins) if stop is None else stop
        won = int(wins[:used].sum())
        log_value = log_e_value(won, used - won)
        return Evidence(
            confirmed=log_value >= log(1 / alpha),
            p_value=None,
            e_value=exp(min(log_value, LARGEST_EXPONENT)),
            counts={"wins": won, "pairs": used, "pairs_available": len(wins)},
            power={},
            findings=[
                f"After {used} pairs, of which the published copy won {won}, a stake of 1 has become "
                f"{exp(min(log_value, LARGEST_EXPONENT)):.3g} by fair bets; {1 / alpha:g} were needed.",
            ],
        )
