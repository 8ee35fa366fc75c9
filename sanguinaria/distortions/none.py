"""No distortion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class NoDistortion(Distortion):
    """The identity."""

    @property
    def is_identity(self) -> bool:
        return True

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        return waveforms
