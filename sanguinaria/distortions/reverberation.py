"""The sound of a room, by its reverberation time."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch

# The tail is cut where it has fallen by 90 dB.
TAIL = 1.5


class Reverberation(Distortion):
    """x convolved with h(t) = δ(t) + a·n(t)·10^(−3t / RT60): noise that decays by 60 dB in RT60 (Polack, 1988).

    The direct sound keeps its place and its level; every utterance is in a room of its own. PKDMark tells RT60 = 200 ms
    and no other parameter of its rooms.
    """

    rt60: float = Field(default=0.2, ge=0.02, le=5, description="seconds in which the tail falls by 60 dB")
    direct_to_reverberant: float = Field(
        default=0.0, ge=-20, le=40, description="dB, energy of the direct sound to that of the tail"
    )

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        from sanguinaria.audio.filters import convolve

        return convolve(waveforms, self.responses(len(waveforms), sample_rate, generator).to(waveforms))

    def responses(self, count: int, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        """Impulse responses (count, samples) of as many rooms."""
        import torch

        time = torch.arange(1, ceil(TAIL * self.rt60 * sample_rate)) / sample_rate
        tails = torch.randn(count, len(time), generator=generator) * 10 ** (-3 * time / self.rt60)
        tails *= 10 ** (-self.direct_to_reverberant / 20) / tails.square().sum(-1, keepdim=True).sqrt()
        return torch.cat([torch.ones(count, 1), tails], dim=-1)
