"""The additive angular margin (Deng et al., 2019, arXiv:1801.07698, Eq. 3): each label is a direction, and training
asks for more than to be nearest to it."""

from __future__ import annotations

from math import cos, pi, sin

import torch
from torch import nn
from torch.nn.functional import cross_entropy, linear, normalize


class CosineClassifier(nn.Module):
    """Embeddings (utterances, size) → scale × cosines of the angles to labels' directions (utterances, labels)."""

    def __init__(self, size: int, labels: int, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(labels, size))
        nn.init.xavier_normal_(self.weight)
        self.scale = scale

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        with torch.autocast(embeddings.device.type, enabled=False):  # of 8 bits, small angles are none
            return self.scale * linear(normalize(embeddings.float()), normalize(self.weight))


def aam_softmax_loss(logits: torch.Tensor, labels: torch.Tensor, scale: float, margin: float) -> torch.Tensor:
    """Cross entropy with the angle θ to the utterance's own label taken for θ + margin.

    Args:
        logits: scale × cos θ (utterances, labels).
        labels: positions (utterances,).
        margin: in radians. Where θ + margin would pass π, and its cosine rise again, cos θ − margin · sin(margin)
            stands for it, as in the paper's code.
    """
    cosines = (logits.gather(1, labels[:, None]) / scale).clamp(-1, 1)
    # The derivative of a sine of nothing is infinite.
    sines = (1 - cosines.square()).clamp(min=1e-12).sqrt()
    farther = cosines * cos(margin) - sines * sin(margin)
    farther = torch.where(cosines > cos(pi - margin), farther, cosines - margin * sin(margin))
    return cross_entropy(logits.scatter(1, labels[:, None], scale * farther), labels)
