"""Low-pass filtering of the input (Bloodroot, section 3.1): a 6th-order Butterworth filter at 3,800 Hz."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.core.errors import InputError
from sanguinaria.defences import Defence

if TYPE_CHECKING:
    import torch


class LowPass(Defence):
    """A causal Butterworth low-pass filter with zero initial state, as in a real-time front end."""

    cutoff: float = Field(default=3800.0, gt=0, description="cutoff frequency in Hz, at −3 dB")
    order: int = Field(default=6, ge=1, le=20, description="filter order")

    def transform(self, sample_rate: int, device: torch.device) -> Callable[[torch.Tensor], torch.Tensor]:
        import torch

        from sanguinaria.audio.filters import butterworth_response, convolve

        if self.cutoff >= sample_rate / 2:
            raise InputError(
                f"lowpass: a cutoff of {self.cutoff:g} Hz is not below half the sample rate of {sample_rate} Hz"
            )

        def apply(waveforms: torch.Tensor) -> torch.Tensor:
            # A convolution has a gradient. A straight-through estimator would ignore the filter's delay.
            response = butterworth_response(self.order, None, self.cutoff, sample_rate, waveforms.shape[-1])
            return convolve(waveforms, torch.from_numpy(response[None]).to(waveforms))

        return apply
