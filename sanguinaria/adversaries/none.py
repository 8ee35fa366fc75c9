"""No attack: genuine trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sanguinaria.adversaries import Adversary, AttackObjective

if TYPE_CHECKING:
    import torch


class NoAdversary(Adversary):
    """Leaves all utterances as they are."""

    @property
    def is_identity(self) -> bool:
        return True

    def perturb(
        self, waveforms: torch.Tensor, objective: AttackObjective | None, seed: int
    ) -> tuple[torch.Tensor, list[str]]:
        return waveforms, [""] * len(waveforms)
