"""White noise at the level of an attack, the control that genuine trials are compared with (TDAP, section 4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from sanguinaria.adversaries import QUANTISATION_STEP, Adversary, AttackObjective

if TYPE_CHECKING:
    import torch


class NoiseAdversary(Adversary):
    """Additive Gaussian noise of exactly one L2 norm, or at one signal-to-noise ratio; TDAP adds it at 39 dB.

    The noise is drawn from the seed and the utterance's samples.
    """

    epsilon: float | None = Field(
        default=None,
        gt=0,
        description="L2 norm in units of the quantisation step of 16-bit audio: that of an attack of the same budget",
    )
    snr: float | None = Field(
        default=None, ge=-20, le=100, description="signal-to-noise ratio in dB, of the utterance's mean power"
    )

    @model_validator(mode="after")
    def _one_level(self) -> NoiseAdversary:
        if (self.epsilon is None) == (self.snr is None):
            raise ValueError("needs exactly one of `epsilon` and `snr`")
        return self

    def perturb(
        self, waveforms: torch.Tensor, objective: AttackObjective | None, seed: int
    ) -> tuple[torch.Tensor, list[str]]:
        import torch

        from sanguinaria.audio.validation import waveform_problems
        from sanguinaria.core.random_streams import utterance_generator

        perturbed = waveforms.clone()
        messages = waveform_problems(waveforms)
        for row in (row for row, message in enumerate(messages) if not message):
            noise = torch.randn(waveforms.shape[-1], generator=utterance_generator(waveforms[row], seed)).to(waveforms)
            noise *= self._norm(waveforms[row]) / noise.norm()
            perturbed[row] = (waveforms[row] + noise).clamp(-1, 1)
        return perturbed, messages

    def _norm(self, waveform: torch.Tensor) -> float:
        """Return the L2 norm of the noise that is added to a waveform (samples,)."""
        if self.epsilon is not None:
            return self.epsilon * QUANTISATION_STEP
        assert self.snr is not None
        return float(waveform.norm()) * 10 ** (-self.snr / 20)
