"""White noise as loud as an attack: what genuine trials are compared with (TDAP, section 4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from sanguinaria.adversaries import UNIT, Adversary, Aim

if TYPE_CHECKING:
    import torch


class NoiseAdversary(Adversary):
    """Gaussian noise of exactly one norm, or at one ratio to the speech; TDAP adds it at 39 dB.

    What is drawn follows from the seed and from the utterance's samples.
    """

    epsilon: float | None = Field(
        default=None, gt=0, description="L2 norm, in units of a 16-bit sample: that of an attack of the same budget"
    )
    snr: float | None = Field(
        default=None, ge=-20, le=100, description="dB, of the utterance's mean power to the noise's"
    )

    @model_validator(mode="after")
    def _one_level(self) -> NoiseAdversary:
        if (self.epsilon is None) == (self.snr is None):
            raise ValueError("needs exactly one of `epsilon` and `snr`")
        return self

    def changed(self, waveforms: torch.Tensor, aim: Aim | None, seed: int) -> tuple[torch.Tensor, list[str]]:
        import torch

        from sanguinaria.audio.validation import waveform_problems
        from sanguinaria.core.random_streams import utterance_generator

        found = waveforms.clone()
        told = waveform_problems(waveforms)
        for place in (place for place, problem in enumerate(told) if not problem):
            noise = torch.randn(waveforms.shape[-1], generator=utterance_generator(waveforms[place], seed)).to(
                waveforms
            )
            noise *= self._norm(waveforms[place]) / noise.norm()
            found[place] = (waveforms[place] + noise).clamp(-1, 1)
        return found, told

    def _norm(self, waveform: torch.Tensor) -> float:
        if self.epsilon is not None:
            return self.epsilon * UNIT
        assert self.snr is not None
        return float(waveform.norm()) * 10 ** (-self.snr / 20)
