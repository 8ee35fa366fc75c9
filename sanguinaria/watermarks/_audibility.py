"""How much of a mark is heard beside the speech that it is hidden in: differentiable, for training.

The model is that of PESQ (ITU-T P.862, section 10.2) in outline: loudness by Zwicker's law, a difference that is masked
by what is there anyway, and more weight for what is added than for what is taken away. Bands are mel bands and levels
are relative to the speech, so it is no PESQ; but a generator that was trained with it makes PESQ a less independent
judge of its marks, and other metrics belong beside it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from sanguinaria.audio.mel import htk_filters

# 32 ms frames every 8 ms at 16 kHz, PESQ's, but for its hop of half a frame.
FFT, HOP, BANDS = 512, 128, 40
# Zwicker's exponent (P.862, Eq. 6), and the energy below which nothing is heard, relative to the speech's mean: −60 dB.
EXPONENT, QUIET = 0.23, 1e-6
# The share of the weaker loudness by which two may differ unheard (P.862, section 10.2.6).
DEAD_ZONE = 0.25
# What is added counts by the ratio of energies to this power, from 3 on and up to 12 (P.862, section 10.2.7), and both
# kinds of disturbance by their coefficients in the score (section 10.2.11: 0.1 and 0.0309).
ASYMMETRY, LEAST_RATIO, LARGEST_RATIO = 1.2, 3.0, 12.0
RATIO_FLOOR = 1e-5
# Mel energy of 16-bit rounding: a mark in digital silence would be infinitely loud beside it.
SILENCE = 1e-7
ADDED_WEIGHT = 0.309
# Keeps the root differentiable where nothing differs.
ROOT_FLOOR = 1e-9


def audibility(sample_rate: int, device: torch.device) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """A function from marks and the speech they are hidden in, both (utterances, samples), to the mean disturbance."""
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
    """The disturbance of every frame, (…, frames), from energies (…, frames, bands) relative to the speech's mean."""
    before, after = loudness(clean), loudness(marked)
    heard = ((after - before).abs() - DEAD_ZONE * torch.minimum(before, after)).clamp(min=0)
    ratios = ((marked + RATIO_FLOOR) / (clean + RATIO_FLOOR)).detach() ** ASYMMETRY
    added = heard * torch.where(ratios < LEAST_RATIO, 0.0, ratios.clamp(max=LARGEST_RATIO))
    return (heard.square().mean(-1) + ROOT_FLOOR).sqrt() + ADDED_WEIGHT * added.mean(-1)


def loudness(energies: torch.Tensor) -> torch.Tensor:
    """Zwicker's law: 0 where nothing is heard, and by its exponent above."""
    return (1 + energies / QUIET) ** EXPONENT - 1
