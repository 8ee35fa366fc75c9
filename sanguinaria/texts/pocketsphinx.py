"""CMU PocketSphinx, a speech recogniser with a model of American English in one small package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.texts import ExtractTexts, TextExtractor

if TYPE_CHECKING:
    import torch


class PocketSphinx(TextExtractor):
    """The words that it recognises. It runs on the CPU, an utterance at a time."""

    words: tuple[str, ...] = Field(
        default=(),
        description="vocabulary, one word of which is recognised, as in a corpus of commands; any words where it is "
        "empty",
    )

    def extractor(self, sample_rate: int, device: torch.device) -> ExtractTexts:
        from sanguinaria.texts._recogniser import make_decoder, recognise

        make_decoder(self.words)  # reports a word that the dictionary lacks before any audio is read

        def extract(waveforms: torch.Tensor, labels: list[str]) -> list[str]:
            audio = waveforms.detach().cpu().float().nan_to_num().clamp(-1, 1).numpy()
            return [recognise(row, sample_rate, self.words) for row in audio]

        return extract  # type: ignore[return-value]
