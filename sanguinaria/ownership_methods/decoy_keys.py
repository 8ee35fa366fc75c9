"""One mark with one label, and decoy keys that marked nothing: the real key's rank among them is the p-value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from sanguinaria.core.errors import InputError
from sanguinaria.core.keyed_random import KeyedRandom
from sanguinaria.ownership_methods import Answers, Evidence, Marking, OwnershipMethod, Query, Terms
from sanguinaria.ownership_methods._marked_utterances import draw_utterances


class DecoyKeys(OwnershipMethod):
    """Utterances with the real key are published with one label; as many covers carry other keys, and their own labels.

    The covers teach a model to tell keys apart, without which the test has no power. No key of a cover is a decoy.
    """

    statistic: ClassVar[str] = (
        "S(j, y) = mean over the query utterances of p_y with key j less p_y without, with indicators of the predicted "
        "label where there are no probabilities; p = number of pairs (j, y) with S(j, y) >= S(r, y_r), over (K + 1) L"
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "The real key and its label were drawn uniformly, from the committed secret and a public value fixed later.",
        "Without the marked data, the model cannot depend on this draw.",
    )
    needs_public_value: ClassVar[bool] = True

    decoys: int = Field(default=99, ge=9, le=10_000, description="number K of keys that mark nothing")
    cover_keys: int = Field(default=10, ge=0, le=1000, description="number of keys of covers, none of them a decoy")

    @property
    def keys(self) -> int:
        return self.decoys + 1 + self.cover_keys

    def real_key(self, random: KeyedRandom) -> int:
        """Return the number of the key that marks the data, uniform among the K + 1."""
        return random.integer(f"real {self.decoys}", self.decoys + 1)

    def markings(self, labels_by_id: Mapping[str, str], labels: Sequence[str], random: KeyedRandom) -> list[Marking]:
        marked = draw_utterances(labels_by_id, self.share, 1, random)
        label = labels[random.integer("label", len(labels))]
        markings = [Marking(name, self.real_key(random), label) for name in marked]
        if self.cover_keys:
            rest = random.order("covers", set(labels_by_id) - set(marked))
            if len(rest) < len(marked):
                raise InputError(f"{len(rest)} utterances are left for {len(marked)} covers; lower `share`")
            covers = enumerate(rest[: len(marked)])
            first = self.decoys + 1
            markings += [Marking(name, first + number % self.cover_keys, labels_by_id[name]) for number, name in covers]
        return markings

    def queries(self, utterance_ids: Sequence[str], random: KeyedRandom) -> list[Query]:
        return [Query(name, key) for key in (None, *range(self.decoys + 1)) for name in utterance_ids]

    def evaluate(self, queries: Sequence[Query], answers: Answers, terms: Terms) -> Evidence:
        import numpy as np

        from sanguinaria.statistics.ownership.decoy_keys import decoys_p_value, probability_lifts

        scores = answers.probabilities
        if scores is None:
            scores = (answers.predicted[:, None] == np.arange(len(terms.labels))).astype(float)
        shaped = scores.reshape(self.decoys + 2, -1, len(terms.labels))
        lifts = probability_lifts(shaped[1:], shaped[0])
        real, label = self.real_key(terms.random), terms.random.integer("label", len(terms.labels))
        p_value = decoys_p_value(lifts, real, label)
        above = int((lifts >= lifts[real, label]).sum()) - 1
        return Evidence(
            confirmed=p_value <= terms.alpha,
            p_value=p_value,
            e_value=None,
            counts={
                "decoys": self.decoys,
                "labels": len(terms.labels),
                "lift": float(lifts[real, label]),
                "not_below": above,
                "least_p_value": 1 / lifts.size,
            },
            power={"if the real key has the largest effect": float(terms.alpha >= 1 / lifts.size)},
            findings=[
                f"The key that marked the data changes the probability of its label by {lifts[real, label]:+.3f}. Of "
                f"{lifts.size - 1} other pairs of key and label, {above} have as large an effect or a larger one.",
            ],
        )
