"""The LSTM of the Bloodroot paper: batch normalisation, two layers of 64 units, the last frame, one linear layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sanguinaria.victims import SpectrogramVictim

if TYPE_CHECKING:
    import torch


class Lstm(SpectrogramVictim):
    """A recurrent network over the frames."""

    hidden: int = Field(default=64, ge=4, description="units of each layer")
    layers: int = Field(default=2, ge=1, le=8)
    pooling: Literal["last", "mean", "attention"] = Field(
        default="last",
        description="hidden states that are classified: the last frame's, which is the paper's; their mean over time; "
        "or attentive statistics",
    )

    def network(self, labels: int) -> torch.nn.Module:
        from torch import nn

        from sanguinaria.victims._layers import HiddenStates, Transpose

        pooling, features = self._pooling()
        return nn.Sequential(
            nn.BatchNorm1d(self.log_mel.bands),
            Transpose(),  # (utterances, frames, bands)
            HiddenStates(nn.LSTM(self.log_mel.bands, self.hidden, self.layers, batch_first=True)),
            pooling,
            nn.Linear(features, labels),
        )

    def _pooling(self) -> tuple[torch.nn.Module, int]:
        """The layer from hidden states (utterances, hidden, frames) to features (utterances, size), and their size."""
        from torch import nn

        from sanguinaria.victims._attentive_pooling import AttentiveStatisticsPooling
        from sanguinaria.victims._layers import LastFrame

        match self.pooling:
            case "last":
                return LastFrame(), self.hidden
            case "mean":
                return nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Flatten()), self.hidden
            case "attention":
                return AttentiveStatisticsPooling(self.hidden, self.hidden), 2 * self.hidden
