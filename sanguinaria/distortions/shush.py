"""Sample suppression (WavMark), which WAKE calls shush."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Shush(Distortion):
    """A share of an utterance's samples set to 0.

    The papers do not state which samples. WAKE's code, after AudioSeal's, takes the first ones (`start`); WavMark's
    sample suppression takes `random` ones, here drawn for each utterance. Counts are rounded down, as in both.
    """

    renamed: ClassVar[Mapping[str, str]] = {"where": "position"}

    share: float = Field(default=0.001, ge=0, le=1, description="share of the samples that is set to 0")
    position: Literal["random", "start"] = Field(default="random", description="which samples are set to 0")

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        import torch

        count = int(self.share * waveforms.shape[-1])
        mask = torch.ones(waveforms.shape)
        if self.position == "start":
            mask[:, :count] = 0
        else:
            positions = torch.rand(waveforms.shape, generator=generator).topk(count, dim=-1).indices
            mask.scatter_(-1, positions, 0)
        return waveforms * mask.to(waveforms)
