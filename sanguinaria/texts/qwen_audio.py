"""Qwen-Audio, an audio language model, from a folder of the user's own (TDAP, section 2.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sanguinaria.core.fields import UserPath
from sanguinaria.core.missing_files import missing_model
from sanguinaria.texts import ExtractTexts, TextExtractor

if TYPE_CHECKING:
    import torch

PUBLISHED = "Qwen/Qwen2-Audio-7B-Instruct"


class QwenAudio(TextExtractor):
    """T(c) = AQ(c, p): the model's answer to a prompt p about the audio c.

    TDAP uses Qwen-Audio-Chat, whose files contain code that would have to be run. This is its successor (Chu et al.,
    2024, arXiv:2407.10759), which transformers supports itself.
    """

    renamed: ClassVar[Mapping[str, str]] = {"longest": "maximum_length"}
    has_network: ClassVar[bool] = True

    path: UserPath = Field(description=f"folder with the files of {PUBLISHED}")
    prompt: str = Field(
        default="Write down what is said in this recording, and nothing else.",
        min_length=1,
        description="p; the paper shows its own in a figure alone",
    )
    maximum_length: int = Field(default=64, ge=1, description="largest number of tokens of an answer")

    def missing_files(self) -> Iterator[tuple[str, str]]:
        if (message := missing_model(self.path, PUBLISHED)) is not None:
            yield "path", message

    def extractor(self, sample_rate: int, device: torch.device) -> ExtractTexts:
        import torch
        from transformers import AutoProcessor, Qwen2AudioForConditionalGeneration

        from sanguinaria.audio.resampling import resample
        from sanguinaria.core.local_models import load_local_model

        processor = load_local_model(AutoProcessor, self.path, PUBLISHED)
        model = load_local_model(Qwen2AudioForConditionalGeneration, self.path, PUBLISHED).to(device).eval()
        rate = processor.feature_extractor.sampling_rate
        content = [{"type": "audio", "audio_url": "utterance.wav"}, {"type": "text", "text": self.prompt}]
        prompt = processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
        )

        def answer(waveform: torch.Tensor) -> str:
            inputs = processor(text=[prompt], audio=[waveform.numpy()], sampling_rate=rate, return_tensors="pt")
            inputs = inputs.to(device)
            with torch.inference_mode():
                tokens = model.generate(**inputs, do_sample=False, max_new_tokens=self.maximum_length)
            answers = processor.batch_decode(tokens[:, inputs.input_ids.shape[1] :], skip_special_tokens=True)
            return str(answers[0]).strip()

        def extract(waveforms: torch.Tensor, labels: Sequence[str]) -> list[str]:
            audio = resample(waveforms.detach().cpu().float().nan_to_num(), sample_rate, rate)
            # One by one, so that an answer does not depend on the batch.
            return [answer(waveform) for waveform in audio]

        return extract
