"""Attentive statistics pooling, as in ECAPA-TDNN and RawNet3."""

from __future__ import annotations

import torch
from torch import nn


class AttentivePooling(nn.Module):
    """Weighted means and deviations over time, with weights of each channel and frame that know the whole utterance's
    (Desplanques et al., 2020, arXiv:2005.07143, section 3.1): (utterances, channels, frames) → (utterances,
    2 channels).

    The whole's deviations are those of a population, so that there may be a single frame.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(
            nn.Conv1d(3 * channels, hidden, 1),
            nn.ReLU(),
            nn.BatchNorm1d(hidden),
            nn.Conv1d(hidden, channels, 1),
            nn.Softmax(-1),
        )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        inputs = inputs.float()
        whole = [inputs.mean(-1, keepdim=True), _deviation(inputs.var(-1, correction=0, keepdim=True))]
        context = torch.cat([inputs, *(statistic.expand_as(inputs) for statistic in whole)], 1)
        weights = self.attention(context).float()
        means = (weights * inputs).sum(-1)
        return torch.cat([means, _deviation((weights * inputs.square()).sum(-1) - means.square())], 1)


def _deviation(variance: torch.Tensor) -> torch.Tensor:
    """The square root, away from where its derivative is infinite."""
    return variance.clamp(1e-4, 1e4).sqrt()
