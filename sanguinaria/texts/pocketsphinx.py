"""CMU PocketSphinx: a recogniser that comes with its model of American English in one small package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from sanguinaria.errors import InputError
from sanguinaria.texts import Extract, Text

if TYPE_CHECKING:
    import torch

# Hz, of its acoustic model.
SAMPLE_RATE = 16_000


class PocketSphinx(Text):
    """The words that it hears, in any order or out of a list. It runs on the CPU, an utterance at a time."""

    words: tuple[str, ...] = Field(
        default=(), description="one of these is heard, as in a corpus of commands; any words where it is empty"
    )

    def extractor(self, sample_rate: int, device: torch.device) -> Extract:
        from sanguinaria.hearing import resampled

        decoder = self._decoder()

        def extract(waveforms: torch.Tensor, labels: list[str]) -> list[str]:
            audio = resampled(waveforms.detach().cpu().float(), sample_rate, SAMPLE_RATE)
            return [_heard(decoder, row) for row in audio]

        return extract  # type: ignore[return-value]

    def _decoder(self) -> Any:
        from pocketsphinx import Decoder

        decoder = Decoder(samprate=float(SAMPLE_RATE), loglevel="FATAL")
        if self.words:
            unknown = [word for word in self.words if decoder.lookup_word(word.lower()) is None]
            if unknown:
                raise InputError(f"pocketsphinx has no pronunciation of: {', '.join(unknown)}")
            alternatives = " | ".join(word.lower() for word in self.words)
            decoder.add_jsgf_string("words", f"#JSGF V1.0; grammar words; public <word> = {alternatives};")
            decoder.activate_search("words")
        return decoder


def _heard(decoder: Any, waveform: torch.Tensor) -> str:
    """What is said in (samples,), empty where nothing is understood."""
    import numpy as np

    samples = (waveform.nan_to_num().clamp(-1, 1).numpy() * 32767).astype(np.int16)
    # What it learns of one utterance's level is not to be in the next: its means of cepstra begin anew.
    decoder.reinit_feat()
    decoder.start_utt()
    decoder.process_raw(samples.tobytes(), no_search=False, full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return "" if found is None else str(found.hypstr)
