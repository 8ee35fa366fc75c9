"""The corpus's own text: the label of an utterance, where that is what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sanguinaria.texts import Extract, Text

if TYPE_CHECKING:
    import torch


class Transcript(Text):
    """The label. It is right however the audio was attacked, which no extractor's text is: an upper bound for these, as
    it tells a purifier what the audio is to be recognised as.

    Where labels are speakers, it is the speaker's name: no verification takes it.
    """

    is_label: ClassVar[bool] = True

    def extractor(self, sample_rate: int, device: torch.device) -> Extract:
        return lambda waveforms, labels: list(labels)
