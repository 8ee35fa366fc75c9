"""Parts of the work of a stage, and what they are counted from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sanguinaria.plan.cost.audio import utterance_seconds, utterances
from sanguinaria.plan.cost.specifications import Specification

# Passes of a network in a training step, in multiples of a forward pass: one forwards, and two backwards.
TRAINING = 3
# Utterances in one pass of a network that scores, embeds, marks or purifies.
BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the work of a stage.

    Attributes:
        rate: of the table of rates (:mod:`sanguinaria.plan.cost.rates`); its beginning, where it has no row of its own.
        units: in the rate's unit: 10⁹ multiply-accumulates, or seconds of audio, utterances, …
        passes: of a network, each of which has an overhead.
        precision: of a network's arithmetic.
    """

    rate: str
    units: float
    passes: float = 0.0
    precision: str = "float32"


@dataclass(frozen=True, kw_only=True)
class Work:
    """The work of a stage.

    Attributes:
        kind: by which measured durations are compared with stated ones.
        parts: one after the other.
        gpu: whether its jobs request a GPU.
    """

    kind: str
    parts: tuple[Part, ...]
    gpu: bool = False


def seconds_of(audio: Specification, split: str | None = None) -> float:
    """Return the seconds of all utterances of an audio stage, or of those of one split."""
    return utterances(audio, split) * utterance_seconds(audio)


def network_part(
    rate: str, gmac_per_second: float, seconds: float, *, passes: float, precision: str = "float32"
) -> Part:
    """Return the work of a network over audio.

    Args:
        rate: of the table of rates.
        gmac_per_second: 10⁹ multiply-accumulates for a second of audio.
        seconds: of audio.
        passes: of the network.
        precision: of its arithmetic.
    """
    return Part(rate=rate, units=gmac_per_second * seconds, passes=passes, precision=precision)


def precision_of(settings: Mapping[str, Any]) -> str:
    """Return the precision of the arithmetic that settings state."""
    precision: str = settings.get("precision", "float32")
    return precision


def times(part: Part, factor: float) -> Part:
    """Return a part that is done so often."""
    return Part(rate=part.rate, units=factor * part.units, passes=factor * part.passes, precision=part.precision)
