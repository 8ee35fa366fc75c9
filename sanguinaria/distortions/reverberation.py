"""Artificial reverberation of a given reverberation time."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch

# Length of the impulse response in reverberation times: the tail is truncated at −90 dB.
TAIL = 1.5


class Reverberation(Distortion):
    """Convolution with h(t) = δ(t) + a·n(t)·10^(−3t / RT60): noise that decays by 60 dB in RT60 (Polack, 1988).

    The direct sound has no delay and a gain of 1; a response is drawn for each utterance. PKDMark states RT60 = 200 ms
    and no other parameter of its rooms.
    """

    rt60: float = Field(
        default=0.2, ge=0.02, le=5, description="reverberation time in seconds, in which the tail decays by 60 dB"
    )
    direct_to_reverberant: float = Field(
        default=0.0, ge=-20, le=40, description="direct-to-reverberant energy ratio, in dB"
    )

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        from sanguinaria.audio.filters import convolve

        return convolve(waveforms, self.responses(len(waveforms), sample_rate, generator).to(waveforms))

    def responses(self, count: int, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        """Draw impulse responses (count, samples)."""
        import torch

        time = torch.arange(1, ceil(TAIL * self.rt60 * sample_rate)) / sample_rate
        tails = torch.randn(count, len(time), generator=generator) * 10 ** (-3 * time / self.rt60)
        tails *= 10 ** (-self.direct_to_reverberant / 20) / tails.square().sum(-1, keepdim=True).sqrt()
        return torch.cat([torch.ones(count, 1), tails], dim=-1)
