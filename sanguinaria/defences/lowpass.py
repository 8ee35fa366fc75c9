"""Low-pass filtering of the input (Bloodroot, section 3.1): a 6th-order Butterworth filter at 3,800 Hz."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.defences import Defence

if TYPE_CHECKING:
    import torch

# The share of the band, from 0 Hz to half the sample rate, beyond which a cutoff leaves nearly everything.
WIDEST_PASSBAND = 0.9


class LowPass(Defence):
    """A causal Butterworth low-pass filter with zero initial state, as in a real-time front end."""

    cutoff: float = Field(default=3800.0, gt=0, description="cutoff frequency in Hz, at −3 dB")
    order: int = Field(default=6, ge=1, le=20, description="filter order")

    def sample_rate_error(self, sample_rate: int) -> str | None:
        half = sample_rate / 2
        if self.cutoff >= half:
            return f"a cutoff of {self.cutoff:g} Hz is not below half the sample rate of {sample_rate} Hz"
        if self.cutoff > WIDEST_PASSBAND * half:
            return (
                f"a cutoff of {self.cutoff:g} Hz changes nearly nothing at a sample rate of {sample_rate} Hz: "
                f"set `cutoff` to at most {WIDEST_PASSBAND * half:g}"
            )
        return None

    def transform(self, sample_rate: int, device: torch.device) -> Callable[[torch.Tensor], torch.Tensor]:
        import torch

        from sanguinaria.audio.filters import butterworth_response, convolve

        self.require_sample_rate(sample_rate)

        def apply(waveforms: torch.Tensor) -> torch.Tensor:
            # A convolution has a gradient. A straight-through estimator would ignore the filter's delay.
            response = butterworth_response(self.order, None, self.cutoff, sample_rate, waveforms.shape[-1])
            return convolve(waveforms, torch.from_numpy(response[None]).to(waveforms))

        return apply
