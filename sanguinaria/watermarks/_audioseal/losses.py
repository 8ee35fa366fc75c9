"""Losses of a detector: detection of the mark, and the bits of its message."""

from __future__ import annotations

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

# Weight of the message's loss relative to detection's: AudioSeal's `lambda_dec` in its training recipe.
MESSAGE_WEIGHT = 10.0


def presence(count: int, device: torch.device) -> torch.Tensor:
    """Return the class of each utterance of a batch whose first ``count`` are marked and whose last ``count`` are not.

    >>> presence(2, torch.device("cpu"))
    tensor([1, 1, 0, 0])
    """
    return torch.arange(2, device=device).flip(0).repeat_interleave(count)


def detector_losses(logits: torch.Tensor, messages: torch.Tensor) -> dict[str, torch.Tensor]:
    """Compute ``detection``, ``message`` and ``bit_accuracy``.

    ``detection`` is the cross-entropy of each utterance's mean logits plus that of each sample's; ``message`` is the
    binary cross-entropy of the mean logits of each bit.

    Args:
        logits: of the detector, (2·utterances, 2 + bits, samples); the marked utterances first, then the unmarked.
        messages: of the marked utterances, (utterances, bits), 0 and 1.
    """
    count = len(messages)
    present = presence(count, logits.device)
    bits = logits[:count, 2:].mean(-1)
    return {
        "detection": cross_entropy(logits[:, :2].mean(-1), present)
        + cross_entropy(logits[:, :2], present[:, None].expand(-1, logits.shape[-1])),
        "message": binary_cross_entropy_with_logits(bits, messages.float()),
        "bit_accuracy": ((bits > 0) == (messages > 0)).float().mean(),
    }
