"""Dynamic range compression: what is loud gets softer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Compressor(Distortion):
    """A level above the threshold T rises only 1 / ratio as fast: L → T + (L − T) / ratio, by ``pedalboard``.

    No paper of this project tells parameters; the defaults are common ones for speech.
    """

    differentiable: ClassVar[bool] = False

    threshold: float = Field(default=-20.0, ge=-80, le=0, description="dB below full scale")
    ratio: float = Field(default=4.0, ge=1, le=100)
    attack: float = Field(default=0.005, gt=0, le=1, description="seconds in which it sets in")
    release: float = Field(default=0.05, gt=0, le=5, description="seconds in which it lets go")

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        import torch
        from pedalboard import Compressor

        effect = Compressor(self.threshold, self.ratio, 1000 * self.attack, 1000 * self.release)
        # It keeps a state: the reset lets every utterance start from the same.
        rows = [effect(row, sample_rate, reset=True) for row in waveforms.detach().cpu().float().numpy()]
        return torch.stack([torch.from_numpy(row) for row in rows]).to(waveforms)
