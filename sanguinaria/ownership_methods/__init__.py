"""Ownership methods: which utterances an owner marks, which labels change, which queries are asked, and the test.

They are no section of the configuration: a protocol of ``python -m sanguinaria own`` names one, with its settings.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sanguinaria.core.keyed_random import KeyedRandom
from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Marking:
    """An utterance that is published with a mark.

    Attributes:
        utterance_id: of the corpus.
        key: number of the key.
        label: with which it is published.
    """

    utterance_id: str
    key: int
    label: str


@dataclass(frozen=True)
class Query:
    """An utterance that the suspect model is asked about.

    Attributes:
        utterance_id: of the corpus.
        key: number of the key that it is marked with; ``None`` for the utterance as it is.
    """

    utterance_id: str
    key: int | None


@dataclass(frozen=True)
class Answers:
    """Answers of a suspect model.

    Attributes:
        predicted: index of the predicted label, (queries,); −1 for a label that is none of the protocol's.
        probabilities: of the protocol's labels, (queries, labels); ``None`` where the model gives labels alone.
    """

    predicted: np.ndarray
    probabilities: np.ndarray | None = None


@dataclass(frozen=True)
class Terms:
    """Terms of a test, which the protocol fixed before the answers were known.

    Attributes:
        labels: of the protocol, sorted.
        label_of: label of each queried utterance.
        alpha: level of the test.
        random: draws of the owner.
    """

    labels: Sequence[str]
    label_of: Mapping[str, str]
    alpha: float
    random: KeyedRandom


@dataclass(frozen=True)
class Evidence:
    """Result of an ownership test.

    Attributes:
        confirmed: whether the test rejects the hypothesis that the model does not depend on the marked data.
        p_value: exact p-value; ``None`` for a test by betting.
        e_value: of betting; ``None`` for other tests.
        counts: the numbers that the test is computed from, by name.
        power: chance of a confirmation by an assumption about the model, by that assumption in words.
        findings: sentences that state the counts.
    """

    confirmed: bool
    p_value: float | None
    e_value: float | None
    counts: Mapping[str, float]
    power: Mapping[str, float]
    findings: Sequence[str]


class OwnershipMethod(Plugin):
    """The protocol of an ownership method.

    ``statistic`` states the test in words. ``needs_public_value`` is true where draws have to depend on a value that
    was unknown when the secret was committed to; ``queries_training_data`` where the queries are the marked utterances.
    """

    room: ClassVar[str] = "ownership_methods"
    statistic: ClassVar[str] = ""
    assumptions: ClassVar[tuple[str, ...]] = ()
    needs_public_value: ClassVar[bool] = False
    queries_training_data: ClassVar[bool] = False

    share: float = Field(default=0.01, gt=0, le=1, description="of the utterances that are published with a mark")

    @property
    @abstractmethod
    def keys(self) -> int:
        """Number of keys, no two of which may be equivalent."""

    @abstractmethod
    def markings(self, labels_by_id: Mapping[str, str], labels: Sequence[str], random: KeyedRandom) -> list[Marking]:
        """Return which utterances are published with a mark.

        Args:
            labels_by_id: label of each utterance that may be marked.
            labels: of the protocol, sorted.
            random: draws of the owner.

        Raises:
            InputError: the utterances are too few.
        """

    @abstractmethod
    def queries(self, utterance_ids: Sequence[str], random: KeyedRandom) -> list[Query]:
        """Return the queries, in a fixed order.

        Args:
            utterance_ids: of the query utterances, or of the marked ones if :attr:`queries_training_data`.
            random: draws of the owner.
        """

    @abstractmethod
    def evaluate(self, queries: Sequence[Query], answers: Answers, terms: Terms) -> Evidence:
        """Compute the test.

        Args:
            queries: of :meth:`queries`.
            answers: to these, in their order.
            terms: of the protocol.

        Raises:
            InputError: the answers lack what the test needs.
        """
