"""WAKE's perceptual loss, Eq. 2 but for the discriminator's term."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Literal

import torch
from torch.nn.functional import l1_loss, mse_loss

from sanguinaria.audio.mel import htk_filters
from sanguinaria.watermarks._audibility import audibility
from sanguinaria.watermarks._invertible.losses import SCALES, PerceptualLoss, magnitude_spectrogram

# Table 3 of WAKE: L2 alone, with multi-scale mel spectrograms, and with BroadWeight on those.
Terms = Literal["l2", "mel", "broad", "audibility"]
# ‖·‖₂ of the waveforms in Eq. 2: the norm of each utterance's difference, or the mean of its squares. At 10 · Eq. 2
# (w_t1 of Eq. 4), 20 dB below speech of a power of 0.0025 and for a second of 16 kHz, they are 6.3 and 2.5e-4; the
# cross-entropy of chance, 10 · ln 2 (w_t2), is 6.9.
Distance = Literal["norm", "mean_square"]
# Mel bands of S in Eq. 2.
MELS = 64
# BroadWeight W (section 3): 10 in the first and last 3 % of the time, 1 elsewhere.
EDGE_SHARE, EDGE_WEIGHT = 0.03, 10.0
# w_p1 and w_p3 of section 3.
L2_WEIGHT, MEL_WEIGHT = 1.0, 5.0


def perceptual_loss(
    terms: Terms, sample_rate: int, device: torch.device, distance: Distance = "mean_square"
) -> PerceptualLoss:
    """Build the perceptual loss; ‖·‖₁ and ‖·‖₂ of spectrograms are means of absolute and of squared differences.

    Args:
        terms: of Eq. 2 that are used, or the disturbance by the mark in their place.
        sample_rate: in Hz.
        device: where the loss is computed.
        distance: ‖·‖₂ of waveforms.

    Returns:
        A function of speech and marked speech, (utterances, samples) each, that returns a scalar.
    """
    if terms == "audibility":
        disturbance = audibility(sample_rate, device)
        return lambda speech, marked: disturbance(marked - speech, speech)
    spectrograms = multi_scale_mel(sample_rate, device)
    distance_of = _mean_norm if distance == "norm" else mse_loss

    def loss_of(speech: torch.Tensor, marked: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor = L2_WEIGHT * distance_of(speech, marked)
        if terms == "l2":
            return loss
        weights = broad_weight(speech.shape[-1]).to(device) if terms == "broad" else 1.0
        pairs = zip(spectrograms(speech * weights), spectrograms(marked * weights), strict=True)
        mel: torch.Tensor = sum((l1_loss(after, before) + mse_loss(after, before) for before, after in pairs), loss * 0)
        return loss + MEL_WEIGHT * mel

    return loss_of


def _mean_norm(speech: torch.Tensor, marked: torch.Tensor) -> torch.Tensor:
    norms: torch.Tensor = torch.linalg.vector_norm(marked - speech, dim=-1)
    return norms.mean()


def broad_weight(samples: int) -> torch.Tensor:
    """Compute W of Eq. 2, (samples,): with equal weights, the mark's energy gathers audibly at the edges of a segment.

    >>> broad_weight(100)[:5]
    tensor([10., 10., 10.,  1.,  1.])
    """
    weights = torch.ones(samples)
    edge = round(EDGE_SHARE * samples)
    weights[:edge] = weights[samples - edge :] = EDGE_WEIGHT
    return weights


def multi_scale_mel(sample_rate: int, device: torch.device) -> Callable[[torch.Tensor], list[torch.Tensor]]:
    """Build S of Eq. 2: waveforms (utterances, samples) → for each scale a mel spectrogram (utterances, bands, frames).

    As in EnCodec (arXiv:2210.13438, section 3.4), of magnitudes.
    """
    with warnings.catch_warnings():
        # The shortest windows have fewer bins than bands, some of which are empty.
        warnings.simplefilter("ignore", UserWarning)
        filters = [htk_filters(2**scale, MELS, sample_rate, device=device) for scale in SCALES]
    windows = [torch.hann_window(2**scale, device=device) for scale in SCALES]

    def spectrograms(waveforms: torch.Tensor) -> list[torch.Tensor]:
        return [
            (magnitude_spectrogram(waveforms, window).transpose(1, 2) @ bank).transpose(1, 2)
            for window, bank in zip(windows, filters, strict=True)
        ]

    return spectrograms
