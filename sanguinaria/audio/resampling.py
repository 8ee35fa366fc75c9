"""Resampling of waveforms: by a polyphase filter in NumPy, and by windowed sinc interpolation in torch."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

from sanguinaria.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import torch


def resample_polyphase(samples: np.ndarray, before: int, after: int) -> np.ndarray:
    """Resample an array by scipy's polyphase filter.

    Args:
        samples: (frames,), at ``before`` Hz.
        before: the sample rate of ``samples``, in Hz.
        after: the sample rate of the result, in Hz.

    Returns:
        The resampled array, (⌈frames · after / before⌉,), float32.
    """
    import numpy as np
    from scipy.signal import resample_poly

    divisor = gcd(before, after)
    resampled: np.ndarray = resample_poly(samples, after // divisor, before // divisor).astype(np.float32)
    return resampled


def resample(waveforms: torch.Tensor, before: int, after: int) -> torch.Tensor:
    """Resample waveforms by torchaudio's windowed sinc interpolation; differentiable.

    Args:
        waveforms: (utterances, samples), at ``before`` Hz.
        before: the sample rate of ``waveforms``, in Hz.
        after: the sample rate of the result, in Hz.

    Returns:
        The resampled waveforms, (utterances, ⌈samples · after / before⌉); ``waveforms`` where the rates are equal.
    """
    if before == after:
        return waveforms
    from sanguinaria.core.torchaudio_import import prepare

    prepare()
    from torchaudio.functional import resample as sinc_resample

    resampled: torch.Tensor = sinc_resample(waveforms, before, after)
    return resampled


def prepare_network_input(
    waveforms: torch.Tensor, sample_rate: int, network_rate: int, window: int, device: torch.device
) -> torch.Tensor:
    """Bring waveforms to a network's device, sample rate and number format.

    Args:
        waveforms: (utterances, samples), at ``sample_rate`` Hz.
        sample_rate: the sample rate of ``waveforms``, in Hz.
        network_rate: the sample rate that the network was trained at, in Hz.
        window: the fewest samples at ``network_rate`` that the network takes.
        device: the network's device.

    Returns:
        Waveforms at ``network_rate``, (utterances, samples'), float32, on ``device``.

    Raises:
        InputError: the waveforms are shorter than ``window``.
    """
    import torch

    resampled = resample(waveforms.to(device, torch.float32), sample_rate, network_rate)
    if resampled.shape[-1] < window:
        raise InputError(
            f"the utterances have {resampled.shape[-1]} samples at {network_rate:,} Hz, fewer than one window of "
            f"{window}: use longer utterances"
        )
    return resampled
