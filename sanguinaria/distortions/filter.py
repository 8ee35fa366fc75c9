"""Low-, high- and band-pass filtering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch


class Filter(Distortion):
    """A high-pass (`above`), low-pass (`below`) or band-pass filter (both).

    `butterworth` is causal with a zero initial state, like a real-time front end: −3 dB at its cut-offs. `sinc` is a
    symmetric windowed sinc of eight zero crossings, −6 dB at its cut-offs, by the package ``julius``, which AudioSeal
    and WAKE use.
    """

    above: float | None = Field(default=None, gt=0, description="Hz, lower cut-off frequency; none where absent")
    below: float | None = Field(
        default=None, gt=0, description="Hz, upper cut-off frequency; half the sample rate is no low-pass"
    )
    design: Literal["butterworth", "sinc"] = "butterworth"
    order: int = Field(default=6, ge=1, le=12, description="order of the Butterworth filter, at each cut-off")

    @model_validator(mode="after")
    def _require_a_band(self) -> Filter:
        if self.above is None and self.below is None:
            raise ValueError("needs `above`, `below` or both")
        if self.above is not None and self.below is not None and self.above >= self.below:
            raise ValueError(f"no frequency is above {self.above:g} Hz and below {self.below:g} Hz")
        return self

    def sample_rate_error(self, sample_rate: int) -> str | None:
        half = sample_rate / 2
        if (self.below or 0) <= half and (self.above or 0) < half:
            return None
        return (
            f"a band above {self.above or 0:g} Hz and below {self.below or half:g} Hz does not fit audio at "
            f"{sample_rate} Hz: keep its cut-offs below {half:g} Hz"
        )

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        above, below = self._cutoffs(sample_rate)
        if above is None and below is None:
            return waveforms
        return (_sinc if self.design == "sinc" else self._butterworth)(waveforms, above, below, sample_rate)

    def _cutoffs(self, sample_rate: int) -> tuple[float | None, float | None]:
        """Cut-off frequencies in Hz; ``None`` for an upper one at half the sample rate."""
        self.require_sample_rate(sample_rate)
        return self.above, None if self.below == sample_rate / 2 else self.below

    def _butterworth(
        self, waveforms: torch.Tensor, above: float | None, below: float | None, sample_rate: int
    ) -> torch.Tensor:
        """Convolve with an impulse response of the utterances' length, which equals the recursion."""
        import torch

        from sanguinaria.audio.filters import butterworth_response, convolve

        response = butterworth_response(self.order, above, below, sample_rate, waveforms.shape[-1])
        return convolve(waveforms, torch.from_numpy(response[None]).to(waveforms))


def _sinc(waveforms: torch.Tensor, above: float | None, below: float | None, sample_rate: int) -> torch.Tensor:
    """Filter by the windowed sinc filters of julius."""
    from julius.filters import bandpass_filter, highpass_filter
    from julius.lowpass import lowpass_filter

    filtered: torch.Tensor
    if above is None:
        assert below is not None
        filtered = lowpass_filter(waveforms, below / sample_rate)
    elif below is None:
        filtered = highpass_filter(waveforms, above / sample_rate)
    else:
        filtered = bandpass_filter(waveforms, above / sample_rate, below / sample_rate)
    return filtered
