"""No text, as an ablation of conditioning on text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sanguinaria.texts import ExtractTexts, TextExtractor

if TYPE_CHECKING:
    import torch


class NoText(TextExtractor):
    """An empty text for every utterance."""

    def extractor(self, sample_rate: int, device: torch.device) -> ExtractTexts:
        return lambda waveforms, labels: [""] * len(labels)
