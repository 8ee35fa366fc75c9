"""A single echo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Echo(Distortion):
    """A single echo: x(t) + gain·x(t − delay).

    The default delay is PKDMark's. Its paper does not state the gain; 0.3 is WavMark's.
    """

    delay: float = Field(default=0.1, gt=0, le=10, description="delay in seconds, rounded to whole samples")
    gain: float = Field(default=0.3, gt=0, le=1, description="gain of the echo")

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        from torch.nn.functional import pad

        delayed = pad(waveforms, (round(self.delay * sample_rate), 0))[..., : waveforms.shape[-1]]
        return waveforms + self.gain * delayed
