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


def advance(
    progress: TrainingState,
    message_loss: float,
    threshold: float,
    steps: int,
    *,
    error_rate: float = 0.0,
    bound: float | None = None,
) -> bool:
    """Update the running means of message loss and bit error rate, and advance the curriculum.

    Without a bound it advances where the mean loss is below the threshold, by an increment such that it reaches 1
    before the last :data:`FINAL_SHARE` of the steps, even where messages are decoded only after :data:`LEARNING_SHARE`
    of the others. Under a bound on bit errors it is a dual variable, in the place of a Lagrange multiplier: it moves in
    proportion to (bound − mean) / bound, by at most that increment, and settles where both are equal.

    Args:
        progress: updated in place: ``message_loss`` and ``error_rate``, the running means, and ``curriculum``.
        message_loss: of the latest batch.
        threshold: of the running mean of the loss.
        steps: of the whole training.
        error_rate: of the latest batch.
        bound: of the running mean of the bit error rate, if any.

    Returns:
        Whether messages are decoded, that is, whether the running mean of the loss is below the threshold.
    """
    progress["message_loss"] = DECAY * progress["message_loss"] + INNOVATION * message_loss
    progress["error_rate"] = DECAY * progress["error_rate"] + INNOVATION * error_rate
    decodes = bool(progress["message_loss"] < threshold)
    slack = float(decodes) if bound is None else max(-1.0, min(1.0, (bound - progress["error_rate"]) / bound))
    progress["curriculum"] = max(0.0, min(1.0, progress["curriculum"] + slack * _increment(steps)))
    return decodes


def _increment(steps: int) -> float:
    """The curriculum's largest change in one of so many steps."""
    return 1 / (steps * (1 - FINAL_SHARE) * (1 - LEARNING_SHARE))
