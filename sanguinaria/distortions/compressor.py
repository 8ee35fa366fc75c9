"""Dynamic range compression."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Compressor(Distortion):
    """Downward compression of levels L above the threshold T: L → T + (L − T) / ratio, by ``pedalboard``.

    None of this project's papers states parameters; the defaults are common ones for speech.
    """

    differentiable: ClassVar[bool] = False

    threshold: float = Field(default=-20.0, ge=-80, le=0, description="dB below full scale")
    ratio: float = Field(default=4.0, ge=1, le=100, description="compression ratio above the threshold")
    attack: float = Field(default=0.005, gt=0, le=1, description="attack time, in seconds")
    release: float = Field(default=0.05, gt=0, le=5, description="release time, in seconds")

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        import torch
        from pedalboard import Compressor

        effect = Compressor(self.threshold, self.ratio, 1000 * self.attack, 1000 * self.release)
        # The effect has a state; the reset gives every utterance the same initial one.
        rows = [effect(row, sample_rate, reset=True) for row in waveforms.detach().cpu().float().numpy()]
        return torch.stack([torch.from_numpy(row) for row in rows]).to(waveforms)
