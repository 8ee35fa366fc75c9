"""What PKDMark's teacher is taught by, Eq. 2 to 6, and its student, Eq. 8 to 11."""

from __future__ import annotations

import torch
from torch.nn.functional import l1_loss, logsigmoid, mse_loss

from sanguinaria.audio.reflect_padding import reflect_padded_stft
from sanguinaria.watermarks._invertible.discriminator import Discriminator

# Eq. 2 is AudioSeal's and EnCodec's (arXiv:2210.13438, section 3.4), whose scales and coefficients these are, as the
# paper tells none: windows of 2^i samples, a quarter of that between them, and α_i = 1.
SCALES = range(5, 12)
COEFFICIENT = 1.0


def multi_scale_stft(speech: torch.Tensor, marked: torch.Tensor) -> torch.Tensor:
    """Eq. 2: Σ_i ‖S_i(x) − S_i(x_w)‖₁ + α_i·‖S_i(x) − S_i(x_w)‖₂ over magnitudes, divided by the number of scales.

    The norms are means of absolute and of squared differences, as in EnCodec's code. Waveforms are (utterances,
    samples).
    """
    losses = []
    for scale in SCALES:
        before, after = (_magnitudes(waveforms, 2**scale) for waveforms in (speech, marked))
        losses.append(l1_loss(after, before) + COEFFICIENT * mse_loss(after, before))
    return torch.stack(losses).mean()


def decoding(
    messages: torch.Tensor,
    found: torch.Tensor,
    features: torch.Tensor | None = None,
    recovered: torch.Tensor | None = None,
    weight: float = 0.0,
) -> torch.Tensor:
    """Eq. 3, ‖m − m̂‖² + λ·‖M − M̂‖² in means, or without the maps Eq. 9.

    Args:
        messages, found: m of 0 and 1, and m̂, (utterances, bits).
        features, recovered: the message's features M and what the decoder recovers, (utterances, 2, bins, frames).
        weight: λ.
    """
    loss = mse_loss(found, messages.float())
    if features is None or recovered is None or not weight:
        return loss
    return loss + weight * mse_loss(recovered, features)


def undetected(discriminator: Discriminator, marked: torch.Tensor) -> torch.Tensor:
    """Eq. 5 and 10, −log(1 − D(x_w)), D being the probability of a mark; the discriminator's weights get no slope."""
    before = [weight.requires_grad for weight in discriminator.parameters()]
    discriminator.requires_grad_(False)
    originals = discriminator(marked)  # logits of 1 − D
    for weight, learns in zip(discriminator.parameters(), before, strict=True):
        weight.requires_grad_(learns)
    return -logsigmoid(originals).mean()


def _magnitudes(waveforms: torch.Tensor, size: int) -> torch.Tensor:
    window = torch.hann_window(size, device=waveforms.device)
    spectra = reflect_padded_stft(waveforms, window, size // 4)
    # Magnitudes with a slope at 0.
    return (spectra.real.square() + spectra.imag.square() + 1e-12).sqrt()
