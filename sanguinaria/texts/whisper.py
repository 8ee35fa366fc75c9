"""Whisper: a recogniser of speech, from a folder of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sanguinaria.texts import Extract, Text

if TYPE_CHECKING:
    import torch

# Hz, of its front end.
SAMPLE_RATE = 16_000


class Whisper(Text):
    """What Whisper (Radford et al., 2022, arXiv:2212.04356) writes down, by greedy decoding."""

    has_network: ClassVar[bool] = True

    path: Path = Field(description="folder with the files of a model such as openai/whisper-base")
    language: str | None = Field(default="en", description="what is spoken; absent for a model of English alone")
    longest: int = Field(default=64, ge=1, description="tokens of a text")

    def extractor(self, sample_rate: int, device: torch.device) -> Extract:
        import torch
        from transformers import WhisperForConditionalGeneration, WhisperProcessor

        from sanguinaria.audio.resampling import resample
        from sanguinaria.core.local_models import load_local_model

        processor = load_local_model(WhisperProcessor, self.path, "openai/whisper-base")
        model = load_local_model(WhisperForConditionalGeneration, self.path, "openai/whisper-base").to(device).eval()
        task = {} if self.language is None else {"language": self.language, "task": "transcribe"}

        def extract(waveforms: torch.Tensor, labels: Sequence[str]) -> list[str]:
            audio = resample(waveforms.detach().cpu().float().nan_to_num(), sample_rate, SAMPLE_RATE)
            heard = processor(list(audio.numpy()), sampling_rate=SAMPLE_RATE, return_tensors="pt").to(device)
            with torch.inference_mode():
                tokens = model.generate(
                    heard.input_features, do_sample=False, num_beams=1, max_new_tokens=self.longest, **task
                )
            return [text.strip() for text in processor.batch_decode(tokens, skip_special_tokens=True)]

        return extract
