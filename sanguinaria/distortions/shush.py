"""Samples set to 0: WAKE's shush attack, and WavMark's sample suppression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Shush(Distortion):
    """A share of an utterance's samples becomes 0.

    The papers do not say which; WAKE's code, after AudioSeal's, takes the first ones. `anywhere` are random ones, as in
    WavMark's sample suppression, drawn for each utterance. Counts are rounded down, as there.
    """

    share: float = Field(default=0.001, ge=0, le=1, description="of the samples")
    where: Literal["anywhere", "start"] = "anywhere"

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        import torch

        count = int(self.share * waveforms.shape[-1])
        kept = torch.ones(waveforms.shape)
        if self.where == "start":
            kept[:, :count] = 0
        else:
            chosen = torch.rand(waveforms.shape, generator=generator).topk(count, dim=-1).indices
            kept.scatter_(-1, chosen, 0)
        return waveforms * kept.to(waveforms)
