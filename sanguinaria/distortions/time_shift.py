"""Time shift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class TimeShift(Distortion):
    """A delay drawn uniformly for each utterance, at a constant length; a negative delay is an advance.

    Samples shifted beyond an end are lost, and the other end is zero-padded.
    """

    renamed: ClassVar[Mapping[str, str]] = {"least": "minimum", "most": "maximum"}

    minimum: float = Field(ge=-10, le=10, description="smallest delay in seconds, rounded to whole samples")
    maximum: float = Field(ge=-10, le=10, description="largest delay in seconds; equal to `minimum` for a fixed delay")

    @model_validator(mode="after")
    def _require_order(self) -> TimeShift:
        if self.minimum > self.maximum:
            raise ValueError(f"`minimum` is {self.minimum:g} and more than `maximum`, which is {self.maximum:g}")
        return self

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        import torch

        count, samples = waveforms.shape
        minimum, maximum = round(self.minimum * sample_rate), round(self.maximum * sample_rate)
        delays = torch.randint(minimum, maximum + 1, (count, 1), generator=generator)
        positions = (torch.arange(samples) - delays).to(waveforms.device)
        inside = (positions >= 0) & (positions < samples)
        return torch.where(inside, waveforms.gather(-1, positions.clamp(0, samples - 1)), 0)
