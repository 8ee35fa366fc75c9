"""Cropping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Cropping(Distortion):
    """A crop of each utterance, of the same length for all; a random position is drawn for each utterance."""

    renamed: ClassVar[Mapping[str, str]] = {"kept": "kept_share", "where": "position"}

    kept_share: float = Field(gt=0, le=1, description="length of the crop as a share of the samples; at least one")
    position: Literal["random", "start", "middle", "end"] = Field(
        default="random", description="position of the crop in the utterance"
    )

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        import torch

        count, samples = waveforms.shape
        length = max(1, round(self.kept_share * samples))
        cropped = samples - length
        if self.position == "random":
            starts = torch.randint(cropped + 1, (count, 1), generator=generator)
        else:
            starts = torch.full((count, 1), {"start": 0, "middle": cropped // 2, "end": cropped}[self.position])
        return waveforms.gather(-1, (starts + torch.arange(length)).to(waveforms.device))
