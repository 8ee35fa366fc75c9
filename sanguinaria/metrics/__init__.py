"""Metrics: how far a triggered utterance is from the clean one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


@dataclass(frozen=True)
class Pair:
    """Waveforms (samples,) in [-1, 1] at ``sample_rate`` Hz, the utterance's label, and all labels of its corpus;
    ``target`` is a file of the target speaker's speech, where the trigger has one."""

    reference: np.ndarray
    degraded: np.ndarray
    sample_rate: int
    label: str
    labels: Sequence[str]
    target: Path | None = None


class Metric(Plugin):
    """The protocol of a metric of quality."""

    room: ClassVar[str] = "metrics"
    better: ClassVar[Literal["higher", "lower"]] = "higher"

    utterances: int | None = Field(
        default=None, ge=1, description="at most so many are scored by this metric, where an experiment asks for more"
    )
    stealthy: float | None = Field(
        default=None,
        description="the value from which on (where lower is better: up to which) it calls a trigger stealthy; a table "
        "calls one stealthy where all metrics of the configuration that have such a value agree",
    )

    @property
    def needs_reference(self) -> bool:
        """Whether it compares with the clean utterance; what does not is measured of clean audio, too."""
        return True

    @property
    def needs_target(self) -> bool:
        """Whether it compares with the target speaker's speech; it is measured of triggers that have one alone."""
        return False

    @abstractmethod
    def score(self, reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
        """The metric of one pair of waveforms (samples,) in [-1, 1] at ``sample_rate`` Hz.

        Raises:
            Unscorable: the metric is not defined for this pair. Such pairs are counted, and never scored 0.
        """

    def score_pair(self, pair: Pair) -> float:
        """The same for a metric that asks what is said; one that does not leaves this as it is."""
        return self.score(pair.reference, pair.degraded, pair.sample_rate)


class Unscorable(Exception):
    """A pair for which a metric has no value; the message says why."""
