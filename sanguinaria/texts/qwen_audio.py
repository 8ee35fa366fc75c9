"""Qwen-Audio: a language model that hears, from a folder of the user's own (TDAP, section 2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sanguinaria.texts import Extract, Text

if TYPE_CHECKING:
    import torch

PUBLISHED = "Qwen/Qwen2-Audio-7B-Instruct"


class QwenAudio(Text):
    """T(c) = AQ(c, p): what the model answers of the audio c to a prompt p.

    TDAP takes Qwen-Audio-Chat, whose files bring code of their own to be run. This is its successor (Chu et al., 2024,
    arXiv:2407.10759), which transformers knows by itself.
    """

    has_network: ClassVar[bool] = True

    path: Path = Field(description=f"folder with the files of {PUBLISHED}")
    prompt: str = Field(
        default="Write down what is said in this recording, and nothing else.",
        min_length=1,
        description="p; the paper shows its own in a figure alone",
    )
    longest: int = Field(default=64, ge=1, description="tokens of an answer")

    def extractor(self, sample_rate: int, device: torch.device) -> Extract:
        import torch
        from transformers import AutoProcessor, Qwen2AudioForConditionalGeneration

        from sanguinaria.audio.resampling import resample
        from sanguinaria.core.local_models import load_local_model

        processor = load_local_model(AutoProcessor, self.path, PUBLISHED)
        model = load_local_model(Qwen2AudioForConditionalGeneration, self.path, PUBLISHED).to(device).eval()
        rate = processor.feature_extractor.sampling_rate
        asked = [{"type": "audio", "audio_url": "heard.wav"}, {"type": "text", "text": self.prompt}]
        question = processor.apply_chat_template(
            [{"role": "user", "content": asked}], add_generation_prompt=True, tokenize=False
        )

        def answer(waveform: torch.Tensor) -> str:
            inputs = processor(text=[question], audio=[waveform.numpy()], sampling_rate=rate, return_tensors="pt")
            inputs = inputs.to(device)
            with torch.inference_mode():
                tokens = model.generate(**inputs, do_sample=False, max_new_tokens=self.longest)
            told = processor.batch_decode(tokens[:, inputs.input_ids.shape[1] :], skip_special_tokens=True)
            return str(told[0]).strip()

        def extract(waveforms: torch.Tensor, labels: Sequence[str]) -> list[str]:
            audio = resample(waveforms.detach().cpu().float().nan_to_num(), sample_rate, rate)
            # One by one: so an answer does not depend on what else is asked at once.
            return [answer(waveform) for waveform in audio]

        return extract
