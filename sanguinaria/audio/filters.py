"""Recursive filters as convolutions: differentiable, and in batches with a filter for each row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

# Samples after which a 6th-order low-pass filter's impulse response, at 16 kHz and from 3 kHz on, is below −100 dB.
RESPONSE_LENGTH = 1024


def low_pass_responses(cutoffs: Sequence[float], order: int, sample_rate: int) -> torch.Tensor:
    """Impulse responses of causal Butterworth low-pass filters, (cutoffs, samples); cutoffs in Hz."""
    responses = [butterworth_response(order, None, cutoff, sample_rate, RESPONSE_LENGTH) for cutoff in cutoffs]
    return torch.from_numpy(np.stack(responses)).float()


def butterworth_response(
    order: int, above: float | None, below: float | None, sample_rate: int, samples: int
) -> np.ndarray:
    """The impulse response (samples,) of a causal Butterworth filter that keeps what is above or below, or in between.

    One as long as an utterance filters it as the recursion does, and nothing is lost. Frequencies are in Hz; one of the
    two may be absent.
    """
    from scipy.signal import butter, sosfilt

    edges = {"high": above} if below is None else {"low": below} if above is None else {"band": [above, below]}
    ((kind, edge),) = edges.items()
    impulse = np.zeros(samples)
    impulse[0] = 1
    response: np.ndarray = sosfilt(butter(order, edge, kind, fs=sample_rate, output="sos"), impulse)
    return response


def convolve(waveforms: torch.Tensor, responses: torch.Tensor) -> torch.Tensor:
    """Each row of waveforms (utterances, samples) through the same row of responses, likewise, from rest."""
    if not len(waveforms):  # MKL's Fourier transform of no rows is an error
        return waveforms
    size = 1 << (waveforms.shape[-1] + responses.shape[-1] - 2).bit_length()
    spectra = torch.fft.rfft(waveforms, size) * torch.fft.rfft(responses, size)
    filtered: torch.Tensor = torch.fft.irfft(spectra, size)[..., : waveforms.shape[-1]]
    return filtered
