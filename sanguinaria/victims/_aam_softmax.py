"""AAM-softmax, the additive angular margin of ArcFace (Deng et al., 2019, arXiv:1801.07698, Eq. 3)."""

from __future__ import annotations

from math import cos, pi, sin

import torch
from torch import nn
from torch.nn.functional import cross_entropy, linear, normalize


class CosineClassifier(nn.Module):
    """Scaled cosines of the angles between embeddings and the weight vectors of the labels.

    Args:
        dimensions: of an embedding.
        labels: number of classes.
        scale: of the cosines.

    Shape:
        - Input: embeddings (utterances, dimensions)
        - Output: logits (utterances, labels), from −scale to scale
    """

    def __init__(self, dimensions: int, labels: int, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(labels, dimensions))
        nn.init.xavier_normal_(self.weight)
        self.scale = scale

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        # In bfloat16, with 8 bits of precision, small angles are lost.
        with torch.autocast(embeddings.device.type, enabled=False):
            return self.scale * linear(normalize(embeddings.float()), normalize(self.weight))


def aam_softmax_loss(logits: torch.Tensor, labels: torch.Tensor, scale: float, margin: float) -> torch.Tensor:
    """Compute the cross entropy with an additive angular margin: cos(θ + margin) for the target label's cos θ.

    Args:
        logits: scale × cos θ, (utterances, labels).
        labels: class indices (utterances,).
        scale: of the logits.
        margin: in radians. Where θ + margin exceeds π, beyond which its cosine rises again, cos(θ + margin) is replaced
            by cos θ − margin · sin(margin), as in the paper's code.

    Returns:
        The loss, a scalar.

    Example:
        >>> logits, labels = torch.tensor([[1.0, 0.0]]), torch.tensor([0])
        >>> aam_softmax_loss(logits, labels, 1.0, 0.2) > cross_entropy(logits, labels)
        tensor(True)
    """
    cosines = (logits.gather(1, labels[:, None]) / scale).clamp(-1, 1)
    # Clamped, as the derivative of the root is infinite at 0.
    sines = (1 - cosines.square()).clamp(min=1e-12).sqrt()
    with_margin = cosines * cos(margin) - sines * sin(margin)
    with_margin = torch.where(cosines > cos(pi - margin), with_margin, cosines - margin * sin(margin))
    return cross_entropy(logits.scatter(1, labels[:, None], scale * with_margin), labels)
