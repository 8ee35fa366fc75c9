"""A little earlier or later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class TimeShift(Distortion):
    """Each utterance begins later by a time drawn evenly between two; negative is earlier. What is beyond is lost."""

    least: float = Field(ge=-10, le=10, description="seconds, rounded to whole samples")
    most: float = Field(ge=-10, le=10, description="likewise; the same as `least` for one shift")

    @model_validator(mode="after")
    def _ordered(self) -> TimeShift:
        if self.least > self.most:
            raise ValueError(f"`least` is {self.least:g} and more than `most`, which is {self.most:g}")
        return self

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        import torch

        count, samples = waveforms.shape
        least, most = round(self.least * sample_rate), round(self.most * sample_rate)
        shifts = torch.randint(least, most + 1, (count, 1), generator=generator)
        places = (torch.arange(samples) - shifts).to(waveforms.device)
        inside = (places >= 0) & (places < samples)
        return torch.where(inside, waveforms.gather(-1, places.clamp(0, samples - 1)), 0)
