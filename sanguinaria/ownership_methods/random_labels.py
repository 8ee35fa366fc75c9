"""Several marks, each with a random label: predicted labels suffice, and the test is exact for any model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from sanguinaria.core.keyed_random import KeyedRandom
from sanguinaria.ownership_methods import Answers, Evidence, Marking, OwnershipMethod, Query, Terms
from sanguinaria.ownership_methods._marked_utterances import draw_utterances


class RandomLabels(OwnershipMethod):
    """Utterances with mark j are published with the label yⱼ, drawn among all labels.

    All query utterances are asked about without a mark and with every mark. A mark hits if the label that it lifts most
    is its own.
    """

    statistic: ClassVar[str] = (
        "number h of marks whose most lifted label is their own, where the lift of a label is the number of query "
        "utterances predicted as it with the mark less that without; p = P(Bin(m, 1/L) >= h); ties by a seeded coin"
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "The labels of the marks were drawn uniformly and independently, from the committed secret.",
        "Without the marked data, the model cannot depend on these labels.",
    )

    marks: int = Field(default=10, ge=2, le=1000, description="number m of marks, each with a key and a label")

    @property
    def keys(self) -> int:
        return self.marks

    def markings(self, labels_by_id: Mapping[str, str], labels: Sequence[str], random: KeyedRandom) -> list[Marking]:
        drawn = draw_utterances(labels_by_id, self.share, self.marks, random)
        assigned = self.assigned_labels(len(labels), random)
        return [
            Marking(name, number % self.marks, labels[assigned[number % self.marks]])
            for number, name in enumerate(drawn)
        ]

    def assigned_labels(self, labels: int, random: KeyedRandom) -> list[int]:
        """Return the index of each mark's label.

        Args:
            labels: their number.
            random: draws of the owner.
        """
        return [random.integer(f"label {mark}", labels) for mark in range(self.marks)]

    def queries(self, utterance_ids: Sequence[str], random: KeyedRandom) -> list[Query]:
        return [Query(name, key) for key in (None, *range(self.marks)) for name in utterance_ids]

    def evaluate(self, queries: Sequence[Query], answers: Answers, terms: Terms) -> Evidence:
        from sanguinaria.statistics.ownership.power import random_labels_power
        from sanguinaria.statistics.ownership.random_labels import (
            hits_needed,
            label_lifts,
            most_lifted,
            random_labels_p_value,
        )

        labels = len(terms.labels)
        predicted = answers.predicted.reshape(self.marks + 1, -1)
        lifts = label_lifts(predicted[1:], predicted[0], labels)
        lifted = most_lifted(lifts, terms.random.generator("ties"))
        assigned = self.assigned_labels(labels, terms.random)
        hits = sum(int(own == label) for own, label in zip(lifted, assigned, strict=True))
        p_value = random_labels_p_value(hits, self.marks, labels)
        needed = hits_needed(self.marks, labels, terms.alpha)
        return Evidence(
            confirmed=p_value <= terms.alpha,
            p_value=p_value,
            e_value=None,
            counts={"hits": hits, "marks": self.marks, "labels": labels, "hits_needed": needed},
            power={
                f"if a mark lifts its own label most in {rate:.0%} of cases": random_labels_power(
                    self.marks, labels, rate, terms.alpha
                )
                for rate in (0.5, 0.8, 0.95)
            },
            findings=[
                f"Of {self.marks} marks, {hits} lift the label that was drawn for them most. A model that does not "
                f"depend on the marked data is expected to show {self.marks / labels:.2g}; {needed} were needed.",
            ],
        )
