"""Losses of keyed watermarks: the message's, the wrong key's, and multi-scale magnitudes for perceptual losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from sanguinaria.audio.reflect_padding import reflect_padded_stft

# A loss of speech and marked speech, (utterances, samples) each.
PerceptualLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
# Scales i of EnCodec's multi-scale losses (arXiv:2210.13438, section 3.4): windows of 2^i samples every 2^i / 4.
SCALES = range(5, 12)
# Keeps the gradient of a magnitude finite at 0.
ENERGY_FLOOR = 1e-12


def magnitude_spectrogram(waveforms: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    """Compute STFT magnitudes with a hop of a quarter of the window, differentiable at 0.

    Args:
        waveforms: (utterances, samples).
        window: (samples of the window,).

    Returns:
        (utterances, bins, frames).
    """
    spectra = reflect_padded_stft(waveforms, window, len(window) // 4)
    return (spectra.real.square() + spectra.imag.square() + ENERGY_FLOOR).sqrt()


@dataclass(frozen=True, kw_only=True)
class AccuracyLoss:
    """WAKE's Eq. 3, BCE + w_l1·max(0, w_l2 − BCE of a wrong key's message), and two more terms for wrong keys.

    Attributes:
        hinge_weight: w_l1.
        hinge_threshold: w_l2. At the paper's 0.01 a wrong key may decode nearly all bits: chance is a BCE of ln 2.
        correlation_weight: of the squared correlation, from −1 to 1, between a wrong key's message and the embedded
            one: deviations from chance count on both sides.
        logit_weight: of the squared logits of a wrong key, so that a detector can reject wrong keys by their magnitude.
    """

    hinge_weight: float = 0.0
    hinge_threshold: float = 0.0
    correlation_weight: float = 0.0
    logit_weight: float = 0.0

    @property
    def uses_wrong_keys(self) -> bool:
        """Whether any term depends on wrong keys."""
        return bool(self.hinge_weight or self.correlation_weight or self.logit_weight)

    def __call__(
        self, messages: torch.Tensor, logits: torch.Tensor, wrong_key_logits: torch.Tensor | None
    ) -> dict[str, torch.Tensor]:
        """Compute the losses ``message`` and ``wrong_key``.

        Args:
            messages: embedded bits of 0 and 1, (utterances, bits).
            logits: decoded with the right key, (utterances, bits).
            wrong_key_logits: decoded with a wrong key, (utterances, bits); ``None`` leaves its terms out.
        """
        message_loss = binary_cross_entropy_with_logits(logits, messages.float())
        if wrong_key_logits is None:
            return {"message": message_loss, "wrong_key": message_loss.new_zeros(())}
        cross_entropy = binary_cross_entropy_with_logits(wrong_key_logits, messages.float())
        correlation = ((wrong_key_logits / 2).tanh() * (messages * 2 - 1)).mean(-1)
        wrong_key_loss = (
            self.hinge_weight * (self.hinge_threshold - cross_entropy).clamp(min=0)
            + self.correlation_weight * correlation.square().mean()
            + self.logit_weight * wrong_key_logits.square().mean()
        )
        return {"message": message_loss, "wrong_key": wrong_key_loss}
