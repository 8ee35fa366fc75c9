"""Attentive statistics pooling, as in ECAPA-TDNN and RawNet3."""

from __future__ import annotations

import torch
from torch import nn


class AttentiveStatisticsPooling(nn.Module):
    """Channel- and context-dependent statistics pooling (Desplanques et al., 2020, arXiv:2005.07143, section 3.1).

    Means and standard deviations over time, weighted for each channel and frame by attention. The attention's input is
    the frame and the unweighted statistics of the utterance, whose variance is that of a population, so that one frame
    is enough.

    Shape:
        - Input: (utterances, channels, frames)
        - Output: (utterances, 2 × channels), means and then deviations
    """

    def __init__(self, channels: int, hidden: int) -> None:
        """
        Args:
            channels: of the input.
            hidden: units of the attention's hidden layer.
        """
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
        statistics = [inputs.mean(-1, keepdim=True), _deviation(inputs.var(-1, correction=0, keepdim=True))]
        context = torch.cat([inputs, *(statistic.expand_as(inputs) for statistic in statistics)], 1)
        weights = self.attention(context).float()
        means = (weights * inputs).sum(-1)
        return torch.cat([means, _deviation((weights * inputs.square()).sum(-1) - means.square())], 1)


def _deviation(variance: torch.Tensor) -> torch.Tensor:
    """The standard deviation, with the variance clamped away from 0, where the derivative is infinite."""
    return variance.clamp(1e-4, 1e4).sqrt()
