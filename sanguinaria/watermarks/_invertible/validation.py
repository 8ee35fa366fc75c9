"""Measurements of a watermark on held-out speech during its training."""

from __future__ import annotations

import torch

# Seed of the validation's own random numbers, which are independent of the training's.
VALIDATION_SEED = 1
# Held-out utterances that are marked and decoded.
VALIDATION_UTTERANCES = 64


def random_messages(utterances: int, bits: int, generator: torch.Generator) -> torch.Tensor:
    """Draw uniform messages of 0 and 1, (utterances, bits).

    Args:
        utterances: number of messages.
        bits: length of a message.
        generator: the CPU's.
    """
    return torch.randint(2, (utterances, bits), generator=generator)


def bit_error_rate(decoded: torch.Tensor, messages: torch.Tensor) -> float:
    """Compute the share of wrong bits.

    Args:
        decoded: whether each bit was decoded as 1, (utterances, bits).
        messages: 0 and 1, (utterances, bits).

    >>> bit_error_rate(torch.tensor([[True, True, False, False]]), torch.tensor([[1, 0, 0, 0]]))
    0.25
    """
    return float((decoded != (messages > 0)).float().mean())


def signal_to_watermark_ratio(speech: torch.Tensor, marks: torch.Tensor) -> float:
    """Compute the ratio of the total energies of speech and marks, (utterances, samples) each, in dB.

    >>> round(signal_to_watermark_ratio(torch.ones(1, 4), 0.1 * torch.ones(1, 4)), 3)
    20.0
    """
    return float(10 * torch.log10(speech.square().sum() / marks.square().sum().clamp(min=1e-12)))
