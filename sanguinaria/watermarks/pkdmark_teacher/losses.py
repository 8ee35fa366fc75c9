"""Multi-scale STFT loss of PKDMark's teacher, Eq. 2."""

from __future__ import annotations

import torch
from torch.nn.functional import l1_loss, mse_loss

from sanguinaria.watermarks._invertible.losses import SCALES, magnitude_spectrogram

# Eq. 2 is AudioSeal's and EnCodec's (arXiv:2210.13438, section 3.4), whose scales and coefficients α_i = 1 these are,
# as the paper gives none.
COEFFICIENT = 1.0


def multi_scale_stft_loss(speech: torch.Tensor, marked: torch.Tensor) -> torch.Tensor:
    """Compute Eq. 2: Σ_i ‖S_i(x) − S_i(x_w)‖₁ + α_i·‖S_i(x) − S_i(x_w)‖₂ over magnitudes, divided by their number.

    The norms are means of absolute and of squared differences, as in EnCodec's code.

    Args:
        speech: x, (utterances, samples).
        marked: x_w, (utterances, samples).
    """
    losses = []
    for scale in SCALES:
        window = torch.hann_window(2**scale, device=speech.device)
        before, after = (magnitude_spectrogram(waveforms, window) for waveforms in (speech, marked))
        losses.append(l1_loss(after, before) + COEFFICIENT * mse_loss(after, before))
    return torch.stack(losses).mean()
