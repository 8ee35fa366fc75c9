"""The LSTM of the Bloodroot paper: batch normalisation, two layers of 64 units, the last frame, one linear layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.victims import SpectrogramVictim

if TYPE_CHECKING:
    import torch


class Lstm(SpectrogramVictim):
    """A recurrent network over the frames."""

    hidden: int = Field(default=64, ge=4, description="units of each layer")
    layers: int = Field(default=2, ge=1, le=8)

    def network(self, labels: int) -> torch.nn.Module:
        from torch import nn

        from sanguinaria.victims._layers import LastHiddenState, Transpose

        return nn.Sequential(
            nn.BatchNorm1d(self.log_mel.bands),
            Transpose(),  # (utterances, frames, bands)
            LastHiddenState(nn.LSTM(self.log_mel.bands, self.hidden, self.layers, batch_first=True)),
            nn.Linear(self.hidden, labels),
        )
