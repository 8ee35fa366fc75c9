"""Curriculum of a watermark's training: imperceptibility gains weight while messages are decoded.

The curriculum rises from 0 to 1. With it rise the weight of the perceptual terms and the signal-to-watermark ratio. A
small network soon learns to decode a strong mark, and does not learn to decode a weak one from the start.
"""

from __future__ import annotations

from sanguinaria.nn.step_training import TrainingState

# The share of the steps that are trained at the final stage of the curriculum.
FINAL_SHARE = 0.25
# The share of the other steps that may pass before messages are decoded at all.
LEARNING_SHARE = 0.45
# The smallest factor of the perceptual terms' weight: at 0, the mark would grow without bounds.
MINIMUM_PERCEPTUAL_FACTOR = 0.01
# Weights of the running mean of the message loss: of its former value, and of the latest loss.
DECAY, INNOVATION = 0.95, 0.05


def initial_progress(message_loss: float) -> TrainingState:
    """Return the curriculum at its start; ``message_loss`` is that of a decoder at chance."""
    return {"curriculum": 0.0, "message_loss": message_loss, "error_rate": 0.5}


def perceptual_factor(progress: TrainingState, enabled: bool) -> float:
    """Return the factor of the perceptual terms' weight, 1 without a curriculum.

    >>> perceptual_factor({"curriculum": 0.4}, enabled=True)
    0.4
    >>> perceptual_factor({"curriculum": 0.0}, enabled=True)
    0.01
    """
    return max(MINIMUM_PERCEPTUAL_FACTOR, progress["curriculum"]) if enabled else 1.0


def ratio_at(ratios: tuple[float, float] | None, curriculum: float) -> float | None:
    """Interpolate the signal-to-watermark ratio.

    Args:
        ratios: in dB, at the start and at the end of the curriculum; ``None`` where the network determines it.
        curriculum: from 0 to 1.

    Returns:
        The ratio in dB, or ``None`` without ratios.

    >>> ratio_at((8.0, 30.0), 0.5)
    19.0
    """
    if ratios is None:
        return None
    first, last = ratios
    return first + curriculum * (last - first)


def advance(progress: TrainingState, message_loss: float, threshold: float, steps: int) -> bool:
    """Update the running mean of the message loss, and advance the curriculum where it is below the threshold.

    The increment is such that the curriculum reaches 1 before the last :data:`FINAL_SHARE` of the steps, even where
    messages are decoded only after :data:`LEARNING_SHARE` of the others.

    Args:
        progress: updated in place: ``message_loss``, the running mean, and ``curriculum``.
        message_loss: of the latest batch.
        threshold: of the running mean.
        steps: of the whole training.

    Returns:
        Whether messages are decoded, that is, whether the running mean is below the threshold.
    """
    progress["message_loss"] = DECAY * progress["message_loss"] + INNOVATION * message_loss
    decodes = bool(progress["message_loss"] < threshold)
    if decodes:
        progress["curriculum"] = min(1.0, progress["curriculum"] + _increment(steps))
    return decodes


def advance_within_bound(progress: TrainingState, error_rate: float, bound: float, steps: int) -> None:
    """Raise the curriculum while the running mean of the bit error rate is below a bound, and lower it above.

    Dual ascent on imperceptibility under a bound on bit errors: the curriculum, in the place of a Lagrange multiplier,
    moves in proportion to (bound − mean) / bound, by at most an increment of :func:`advance`, and settles where both
    are equal.

    Args:
        progress: updated in place: ``error_rate``, the running mean, and ``curriculum``.
        error_rate: of the latest batch.
        bound: of the running mean.
        steps: of the whole training.
    """
    progress["error_rate"] = DECAY * progress["error_rate"] + INNOVATION * error_rate
    slack = max(-1.0, min(1.0, (bound - progress["error_rate"]) / bound))
    progress["curriculum"] = max(0.0, min(1.0, progress["curriculum"] + slack * _increment(steps)))


def _increment(steps: int) -> float:
    """The curriculum's largest change in one of so many steps."""
    return 1 / (steps * (1 - FINAL_SHARE) * (1 - LEARNING_SHARE))
