"""Small modules that the networks of several victims are put together from."""

from __future__ import annotations

import torch
from torch import nn


class Residual(nn.Module):
    """max(0, body(x) + shortcut(x)) (He et al., 2016, arXiv:1512.03385, Eq. 1–2)."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.body(inputs) + self.shortcut(inputs))


class LastHidden(nn.Module):
    """The last layer's hidden state at the last frame: (utterances, frames, features) → (utterances, hidden)."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.lstm = lstm

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs, _ = self.lstm(inputs)
        last: torch.Tensor = outputs[:, -1]
        return last


class Transpose(nn.Module):
    """(utterances, a, b) → (utterances, b, a)."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.transpose(1, 2)
