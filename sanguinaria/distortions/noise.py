"""Additive noise: white, pink or random walks, at a signal-to-noise ratio, a standard deviation or a peak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from sanguinaria.distortions import Distortion

if TYPE_CHECKING:
    import torch

# Below any noise level: avoids a division by 0 for silence and for waveforms of one sample.
TINY = 1e-12
# Random walks in sequence in an utterance, as in AudioCraft's `generate_pink_noise` (`num_rows`).
WALKS = 16


class Noise(Distortion):
    """Additive noise, x + σ·n, with n drawn for each utterance and normalised to a mean power of exactly 1.

    Pink noise is white noise whose spectrum is divided by √f: its power falls by 10 dB per decade. The "pink noise" of
    AudioCraft, AudioSeal's attacks and WAKE's code is ``walks`` here: sixteen random walks in sequence, whose power
    falls by 20 dB per decade. At the same peak, it has little power in the band of speech.
    """

    colour: Literal["white", "pink", "walks"] = "white"
    snr: float | None = Field(
        default=None, ge=-20, le=100, description="signal-to-noise ratio in dB, of the mean powers of the utterance"
    )
    std: float | None = Field(default=None, gt=0, le=1, description="standard deviation, the same for every utterance")
    peak: float | None = Field(default=None, gt=0, le=1, description="largest magnitude, the same for every utterance")

    @model_validator(mode="after")
    def _require_one_level(self) -> Noise:
        if sum(level is not None for level in (self.snr, self.std, self.peak)) != 1:
            raise ValueError("needs exactly one of `snr`, `std` and `peak`")
        return self

    def apply(self, waveforms: torch.Tensor, sample_rate: int, generator: torch.Generator) -> torch.Tensor:
        noise = self._draw(waveforms.shape, generator).to(waveforms)
        return waveforms + self._gain(waveforms.detach(), noise) * noise

    def _draw(self, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
        """Draw noise of mean power 1, (utterances, samples), on the CPU."""
        import torch

        noise = torch.randn(shape, generator=generator)
        if self.colour == "pink":
            spectra = torch.fft.rfft(noise)
            weights = torch.arange(spectra.shape[-1]).clamp_min(1).rsqrt()
            weights[0] = 0  # no offset
            noise = torch.fft.irfft(spectra * weights, shape[-1])
        elif self.colour == "walks":
            length = shape[-1] // WALKS + 1
            steps = torch.nn.functional.pad(noise, (0, WALKS * length - shape[-1]))
            noise = steps.unflatten(-1, (WALKS, length)).cumsum(-1).flatten(-2)[..., : shape[-1]]  # type: ignore[no-untyped-call]
        return noise / noise.square().mean(-1, keepdim=True).sqrt().clamp_min(TINY)

    def _gain(self, waveforms: torch.Tensor, noise: torch.Tensor) -> torch.Tensor | float:
        """Return σ, for each utterance (utterances, 1) or for all."""
        if self.std is not None:
            return self.std
        if self.peak is not None:
            return self.peak / noise.abs().amax(-1, keepdim=True).clamp_min(TINY)
        assert self.snr is not None
        return waveforms.square().mean(-1, keepdim=True).sqrt() * 10 ** (-self.snr / 20)
