"""The label of an utterance as its text, for corpora whose labels are transcripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sanguinaria.texts import ExtractTexts, TextExtractor

if TYPE_CHECKING:
    import torch


class Transcript(TextExtractor):
    """The label. It is an upper bound for other extractors: it is correct however the audio was attacked, and it
    reveals to a purifier the label that a model is to predict.

    Where labels are speakers, it is the speaker's name, and is refused in verifications.
    """

    is_label: ClassVar[bool] = True

    def extractor(self, sample_rate: int, device: torch.device) -> ExtractTexts:
        return lambda waveforms, labels: list(labels)
