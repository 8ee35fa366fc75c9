"""Trainings of marks that ask for little at first: a quality rises from 0 to 1 while messages are read.

With it the weight of what is heard of a mark grows, and the ratio that a mark is brought to. Small networks learn to
read a loud mark soon, and a quiet one not at all.
"""

from __future__ import annotations

from sanguinaria.nn.step_training import TrainingState
from sanguinaria.watermarks._audioseal.training import LEARNING_SHARE as LEARNING

# The last share of the steps, at the final quality.
SETTLED = 0.25
# The share of the perceptual terms' weight that they have at first: never 0, or the mark grows without bounds.
LEAST_QUALITY = 0.01


def begun(error: float) -> TrainingState:
    """What a training keeps of its quality; the error is that of a network that reads nothing."""
    return {"quality": 0.0, "read": error}


def perceptual_share(progress: TrainingState, gradual: bool) -> float:
    """The share of the perceptual terms' weight that they have now."""
    return max(LEAST_QUALITY, progress["quality"]) if gradual else 1.0


def ratio_at(ratios: tuple[float, float] | None, quality: float) -> float | None:
    """The ratio of a piece to its mark in dB, at a quality from 0 to 1; ``None`` where the network decides."""
    if ratios is None:
        return None
    loudest, quietest = ratios
    return loudest + quality * (quietest - loudest)


def advance(progress: TrainingState, error: float, readable: float, steps: int) -> bool:
    """Take note of a step's error; whether messages are read: then the quality rises, so fast that it is 1 in time."""
    progress["read"] = 0.95 * progress["read"] + 0.05 * error
    reads = bool(progress["read"] < readable)
    if reads:
        progress["quality"] = min(1.0, progress["quality"] + 1 / (steps * (1 - SETTLED) * (1 - LEARNING)))
    return reads
