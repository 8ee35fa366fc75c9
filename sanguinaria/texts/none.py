"""No text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sanguinaria.texts import Extract, Text

if TYPE_CHECKING:
    import torch


class NoText(Text):
    """Nothing is known of what is said: the ablation of the text."""

    def extractor(self, sample_rate: int, device: torch.device) -> Extract:
        return lambda waveforms, labels: [""] * len(labels)
