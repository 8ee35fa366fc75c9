"""A piece of the utterance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Cropping(Distortion):
    """Only a piece is left, of one length for all and, where `anywhere`, of a place drawn for each utterance."""

    kept: float = Field(gt=0, le=1, description="share of the samples, at least one")
    where: Literal["anywhere", "start", "middle", "end"] = "anywhere"

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        import torch

        count, samples = waveforms.shape
        length = max(1, round(self.kept * samples))
        left_out = samples - length
        if self.where == "anywhere":
            starts = torch.randint(left_out + 1, (count, 1), generator=generator)
        else:
            starts = torch.full((count, 1), {"start": 0, "middle": left_out // 2, "end": left_out}[self.where])
        return waveforms.gather(-1, (starts + torch.arange(length)).to(waveforms.device))
