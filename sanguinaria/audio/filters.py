"""Recursive filters as convolutions: differentiable, with a filter for each row of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

# Samples after which a 6th-order low-pass filter's impulse response, at 16 kHz and from 3 kHz on, is below −100 dB.
RESPONSE_LENGTH = 1024


def low_pass_responses(cutoffs: Sequence[float], order: int, sample_rate: int) -> torch.Tensor:
    """Compute impulse responses of causal Butterworth low-pass filters.

    Args:
        cutoffs: the cut-off frequency of each filter, in Hz.
        order: the order of the filters.
        sample_rate: in Hz.

    Returns:
        (filters, :data:`RESPONSE_LENGTH`), float32.
    """
    responses = [butterworth_response(order, None, cutoff, sample_rate, RESPONSE_LENGTH) for cutoff in cutoffs]
    return torch.from_numpy(np.stack(responses)).float()


def butterworth_response(
    order: int, above: float | None, below: float | None, sample_rate: int, samples: int
) -> np.ndarray:
    """Compute the impulse response of a causal Butterworth filter: high-pass, low-pass, or band-pass.

    Convolution with a response as long as an utterance equals the recursive filter.

    Args:
        order: the order of the filter, at each cut-off.
        above: the lower cut-off frequency, in Hz; ``None`` for a low-pass.
        below: the upper cut-off frequency, in Hz; ``None`` for a high-pass.
        sample_rate: in Hz.
        samples: the length of the response.

    Returns:
        (samples,), float64.
    """
    from scipy.signal import butter, sosfilt

    cutoffs = {"high": above} if below is None else {"low": below} if above is None else {"band": [above, below]}
    ((kind, cutoff),) = cutoffs.items()
    impulse = np.zeros(samples)
    impulse[0] = 1
    response: np.ndarray = sosfilt(butter(order, cutoff, kind, fs=sample_rate, output="sos"), impulse)
    return response


def convolve(waveforms: torch.Tensor, responses: torch.Tensor) -> torch.Tensor:
    """Convolve each waveform with an impulse response, by fast Fourier transforms.

    Args:
        waveforms: (utterances, samples).
        responses: (utterances, taps), or (1, taps) for the same response.

    Returns:
        The first samples of the convolutions, (utterances, samples).
    """
    if not len(waveforms):  # MKL's Fourier transform of no rows is an error
        return waveforms
    size = 1 << (waveforms.shape[-1] + responses.shape[-1] - 2).bit_length()
    spectra = torch.fft.rfft(waveforms, size) * torch.fft.rfft(responses, size)
    filtered: torch.Tensor = torch.fft.irfft(spectra, size)[..., : waveforms.shape[-1]]
    return filtered
