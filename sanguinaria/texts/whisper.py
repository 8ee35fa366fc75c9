"""Whisper, a speech recogniser, from a folder of the user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sanguinaria.core.fields import UserPath
from sanguinaria.core.missing_files import missing_model
from sanguinaria.texts import ExtractTexts, TextExtractor

if TYPE_CHECKING:
    import torch

PUBLISHED = "openai/whisper-base"
# Hz, of its front end.
SAMPLE_RATE = 16_000


class Whisper(TextExtractor):
    """Transcription by Whisper (Radford et al., 2022, arXiv:2212.04356) with greedy decoding."""

    renamed: ClassVar[Mapping[str, str]] = {"longest": "maximum_length"}
    has_network: ClassVar[bool] = True

    path: UserPath = Field(description=f"folder with the files of a model such as {PUBLISHED}")
    language: str | None = Field(default="en", description="of the speech; absent for a model of English alone")
    maximum_length: int = Field(default=64, ge=1, description="largest number of tokens of a text")

    def missing_files(self) -> Iterator[tuple[str, str]]:
        if (message := missing_model(self.path, PUBLISHED)) is not None:
            yield "path", message

    def extractor(self, sample_rate: int, device: torch.device) -> ExtractTexts:
        import torch
        from transformers import WhisperForConditionalGeneration, WhisperProcessor

        from sanguinaria.audio.resampling import resample
        from sanguinaria.core.local_models import load_local_model

        processor = load_local_model(WhisperProcessor, self.path, PUBLISHED)
        model = load_local_model(WhisperForConditionalGeneration, self.path, PUBLISHED).to(device).eval()
        task = {} if self.language is None else {"language": self.language, "task": "transcribe"}

        def extract(waveforms: torch.Tensor, labels: Sequence[str]) -> list[str]:
            audio = resample(waveforms.detach().cpu().float().nan_to_num(), sample_rate, SAMPLE_RATE)
            inputs = processor(list(audio.numpy()), sampling_rate=SAMPLE_RATE, return_tensors="pt").to(device)
            with torch.inference_mode():
                tokens = model.generate(
                    inputs.input_features, do_sample=False, num_beams=1, max_new_tokens=self.maximum_length, **task
                )
            return [text.strip() for text in processor.batch_decode(tokens, skip_special_tokens=True)]

        return extract
