"""Decoding loss of PKDMark's teacher, Eq. 3, and student, Eq. 9."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import mse_loss


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """λ_p, λ_d and λ_a of Eq. 6 or 11, λ of the feature maps in Eq. 3, and the weight of unmarked speech there."""

    perceptual: float
    decoding: float
    adversarial: float
    features: float = 0.0
    unmarked: float = 0.0


def unmarked_loss(decoded: torch.Tensor) -> torch.Tensor:
    """Compute the mean squared deviation from ½ of the bits that are decoded from unmarked speech, a scalar.

    >>> float(unmarked_loss(torch.tensor([[1.0, 0.5]])))
    0.125
    """
    return (decoded - 0.5).square().mean()


def decoding_loss(
    messages: torch.Tensor,
    decoded: torch.Tensor,
    features: torch.Tensor | None = None,
    decoded_features: torch.Tensor | None = None,
    weight: float = 0.0,
) -> torch.Tensor:
    """Compute Eq. 3, ‖m − m̂‖² + λ·‖M − M̂‖² as means, or, without the feature maps, Eq. 9.

    Args:
        messages: m, 0 and 1, (utterances, bits).
        decoded: m̂, (utterances, bits).
        features: the message's feature map M, (utterances, 2, bins, frames).
        decoded_features: M̂, likewise.
        weight: λ.

    >>> float(decoding_loss(torch.tensor([[1, 0]]), torch.tensor([[0.5, 0.5]])))
    0.25
    """
    loss = mse_loss(decoded, messages.float())
    if features is None or decoded_features is None or not weight:
        return loss
    return loss + weight * mse_loss(decoded_features, features)
