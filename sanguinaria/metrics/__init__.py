"""Metrics of quality: distance between a triggered utterance and the clean one, or a prediction of one utterance's MOS.

A metric is one file: its class also describes its column in tables and figures.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sanguinaria.core.columns import Column
from sanguinaria.core.plugins import Plugin

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A clean and a degraded utterance.

    Attributes:
        reference, degraded: samples (samples,) in [-1, 1].
        sample_rate: in Hz.
        label: of the utterance.
        labels: all labels of its corpus.
        target: file of the target speaker's speech, where the trigger has one.
    """

    reference: np.ndarray
    degraded: np.ndarray
    sample_rate: int
    label: str
    labels: Sequence[str]
    target: Path | None = None


class Metric(Plugin):
    """The protocol of a metric of quality.

    ``heading``, ``label``, ``unit``, ``digits``, ``percent``, ``better`` and ``ranked`` describe its column:
    see :class:`sanguinaria.core.columns.Column`. ``ranked`` is false where neither direction is better in a table.
    """

    room: ClassVar[str] = "metrics"
    heading: ClassVar[str] = ""
    label: ClassVar[str] = ""
    unit: ClassVar[str] = ""
    digits: ClassVar[int] = 2
    percent: ClassVar[bool] = False
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    ranked: ClassVar[bool] = True

    utterances: int | None = Field(
        default=None, ge=1, description="the most utterances that this metric scores, where an experiment requests more"
    )
    stealthy: float | None = Field(
        default=None,
        description="the least value of a stealthy trigger, or the greatest where lower is better; a table calls a "
        "trigger stealthy where all metrics of the configuration that have such a value agree",
    )

    @property
    def needs_reference(self) -> bool:
        """Whether it compares with the clean utterance; a metric that does not is measured on clean audio, too."""
        return True

    @property
    def needs_target(self) -> bool:
        """Whether it compares with the target speaker's speech; then it is measured where a trigger has such speech."""
        return False

    @property
    def titles(self) -> tuple[str, str]:
        """Heading and label without the unit; a metric whose settings change its quantity names it here."""
        return self.heading, self.label or self.heading

    @classmethod
    def column_name(cls, entry: str) -> str:
        """The name of its column: that of its entry in the configuration, and its unit."""
        return f"{entry}_{cls.unit.lower()}" if cls.unit else entry

    def column(self, entry: str) -> Column:
        """How its column is shown."""
        heading, label = self.titles
        return Column(
            heading=f"{heading or entry} {self.unit}".rstrip(),
            label=f"{label or entry} ({self.unit})" if self.unit else label or entry,
            better=self.better if self.ranked else None,
            digits=self.digits,
            percent=self.percent,
        )

    @abstractmethod
    def score(self, reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
        """Compute the metric of one pair.

        Args:
            reference, degraded: samples (samples,) in [-1, 1].
            sample_rate: in Hz.

        Raises:
            Unscorable: the metric is not defined for this pair. Such pairs are counted, and never scored 0.
        """

    def score_pair(self, pair: Pair) -> float:
        """Compute the metric of one pair whose label or target speaker matters.

        Raises:
            Unscorable: as :meth:`score`.
        """
        return self.score(pair.reference, pair.degraded, pair.sample_rate)


class Unscorable(Exception):
    """A pair for which a metric has no value; the message gives the reason."""
