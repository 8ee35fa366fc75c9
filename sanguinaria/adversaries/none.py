"""Nobody: genuine trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sanguinaria.adversaries import Adversary, Aim

if TYPE_CHECKING:
    import torch


class NoAdversary(Adversary):
    """Changes nothing."""

    @property
    def is_identity(self) -> bool:
        return True

    def changed(self, waveforms: torch.Tensor, aim: Aim | None, seed: int) -> tuple[torch.Tensor, list[str]]:
        return waveforms, [""] * len(waveforms)
