"""No trigger: the baseline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sanguinaria.triggers import Trigger

if TYPE_CHECKING:
    import torch


class NoTrigger(Trigger):
    """Unchanged audio. Nothing is poisoned with it, and its attack success rate is the false-trigger rate."""

    @property
    def is_identity(self) -> bool:
        return True

    def embedder(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda waveforms: waveforms
