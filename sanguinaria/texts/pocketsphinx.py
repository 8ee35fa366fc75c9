"""CMU PocketSphinx: a recogniser that comes with its model of American English in one small package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.texts import Extract, Text

if TYPE_CHECKING:
    import torch


class PocketSphinx(Text):
    """The words that it hears, in any order or one out of a list. It runs on the CPU, an utterance at a time."""

    words: tuple[str, ...] = Field(
        default=(), description="one of these is heard, as in a corpus of commands; any words where it is empty"
    )

    def extractor(self, sample_rate: int, device: torch.device) -> Extract:
        from sanguinaria.texts._recogniser import decoder_of, recognise

        decoder_of(self.words)  # a word that it does not know is told at once

        def extract(waveforms: torch.Tensor, labels: list[str]) -> list[str]:
            audio = waveforms.detach().cpu().float().nan_to_num().clamp(-1, 1).numpy()
            return [recognise(row, sample_rate, self.words) for row in audio]

        return extract  # type: ignore[return-value]
