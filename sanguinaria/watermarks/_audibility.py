"""A differentiable measure of the audibility of a mark in the speech that masks it, for training.

It follows PESQ's perceptual model (ITU-T P.862, section 10.2) in outline: loudness by Zwicker's law, differences masked
by the weaker loudness, and a higher weight for added than for removed components. Bands are mel bands and levels are
relative to the speech, so it is not PESQ; but for a generator that was trained with it PESQ is a less independent
metric, and others have to be measured beside it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from sanguinaria.audio.mel import htk_filters

# PESQ's frames of 32 ms at 16 kHz, every 8 ms instead of its half a frame.
FFT, HOP, BANDS = 512, 128, 40
# Zwicker's exponent (P.862, Eq. 6), and the hearing threshold relative to the speech's mean energy: −60 dB.
EXPONENT, HEARING_THRESHOLD = 0.23, 1e-6
# Inaudible difference of two loudnesses as a share of the weaker one (P.862, section 10.2.6).
DEAD_ZONE = 0.25
# Added components are weighted by the ratio of energies to this power, from 3 on and up to 12 (P.862, section 10.2.7).
ASYMMETRY, MINIMUM_RATIO, MAXIMUM_RATIO = 1.2, 3.0, 12.0
RATIO_FLOOR = 1e-5
# Mel energy of 16-bit quantisation: relative to digital silence a mark would be infinitely loud.
SILENCE = 1e-7
# The ratio of the coefficients of both disturbances in the score (section 10.2.11: 0.1 and 0.0309).
ADDED_WEIGHT = 0.309
# Keeps the root differentiable at a difference of 0.
ROOT_FLOOR = 1e-9


def audibility(sample_rate: int, device: torch.device) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return the audibility of marks as a function.

    Args:
        sample_rate: in Hz.
        device: where it computes.

    Returns:
        A function from marks and speech, (utterances, samples) each, to the mean disturbance, a scalar.
    """
    filters = htk_filters(FFT, BANDS, sample_rate, device=device)
    window = torch.hann_window(FFT, device=device)

    def energies(waveforms: torch.Tensor) -> torch.Tensor:
        spectra = torch.stft(waveforms, FFT, HOP, window=window, pad_mode="constant", return_complex=True)
        bands: torch.Tensor = spectra.abs().square().transpose(1, 2) @ filters  # (utterances, frames, bands)
        return bands

    def measure(marks: torch.Tensor, speech: torch.Tensor) -> torch.Tensor:
        clean, marked = energies(speech), energies(speech + marks)
        unit = clean.mean((1, 2), keepdim=True) + SILENCE
        return disturbance(clean / unit, marked / unit).mean()

    return measure


def disturbance(clean: torch.Tensor, marked: torch.Tensor) -> torch.Tensor:
    """Compute the disturbance of every frame.

    Args:
        clean, marked: energies relative to the speech's mean, (…, frames, bands).

    Returns:
        (…, frames).
    """
    before, after = loudness(clean), loudness(marked)
    audible = ((after - before).abs() - DEAD_ZONE * torch.minimum(before, after)).clamp(min=0)
    ratios = ((marked + RATIO_FLOOR) / (clean + RATIO_FLOOR)).detach() ** ASYMMETRY
    added = audible * torch.where(ratios < MINIMUM_RATIO, 0.0, ratios.clamp(max=MAXIMUM_RATIO))
    return (audible.square().mean(-1) + ROOT_FLOOR).sqrt() + ADDED_WEIGHT * added.mean(-1)


def loudness(energies: torch.Tensor) -> torch.Tensor:
    """Compute loudness by Zwicker's law: near 0 below the hearing threshold, and a power of the energy above.

    >>> loudness(torch.tensor([0.0, 1e-6]))
    tensor([0.0000, 0.1728])
    """
    return (1 + energies / HEARING_THRESHOLD) ** EXPONENT - 1
