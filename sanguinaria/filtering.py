"""Recursive filters as convolutions: differentiable, and in batches with a filter for each row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

# Samples after which a 6th-order low-pass filter's impulse response, at 16 kHz and from 3 kHz on, is below −100 dB.
LENGTH = 1024


def low_pass_responses(cutoffs: Sequence[float], order: int, sample_rate: int) -> torch.Tensor:
    """Impulse responses of causal Butterworth low-pass filters, (cutoffs, samples); cutoffs in Hz."""
    from scipy.signal import butter, sosfilt

    impulse = np.zeros(LENGTH)
    impulse[0] = 1
    sections = [butter(order, cutoff, fs=sample_rate, output="sos") for cutoff in cutoffs]
    return torch.from_numpy(np.stack([sosfilt(section, impulse) for section in sections])).float()


def convolve(waveforms: torch.Tensor, responses: torch.Tensor) -> torch.Tensor:
    """Each row of waveforms (utterances, samples) through the same row of responses, likewise, from rest."""
    size = 1 << (waveforms.shape[-1] + responses.shape[-1] - 2).bit_length()
    spectra = torch.fft.rfft(waveforms, size) * torch.fft.rfft(responses, size)
    filtered: torch.Tensor = torch.fft.irfft(spectra, size)[..., : waveforms.shape[-1]]
    return filtered
