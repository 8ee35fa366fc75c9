"""Resampling of waveforms: by a polyphase filter in NumPy, and by windowed sinc interpolation in torch.

Sinc interpolation is J. O. Smith's ("Digital Audio Resampling", https://ccrma.stanford.edu/~jos/resample/), in the form
of torchaudio 2.11 (BSD 2-Clause) with its defaults: operation by operation the same, so that its results are too, bit
for bit. torchaudio itself is no dependency: its wheels are built against CUDA and do not load beside a CPU-only torch.
"""

from __future__ import annotations

import math
from math import gcd
from typing import TYPE_CHECKING

from sanguinaria.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import torch

# Zero crossings of the sinc on either side, and the cut-off as a share of the lower Nyquist frequency.
ZERO_CROSSINGS, ROLL_OFF = 6, 0.99


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
    """Resample waveforms by windowed sinc interpolation; differentiable.

    Args:
        waveforms: (utterances, samples), at ``before`` Hz.
        before: the sample rate of ``waveforms``, in Hz.
        after: the sample rate of the result, in Hz.

    Returns:
        The resampled waveforms, (utterances, ⌈samples · after / before⌉); ``waveforms`` where the rates are equal.

    Example:
        >>> import torch
        >>> resample(torch.ones(1, 480), 48000, 16000).shape
        torch.Size([1, 160])
    """
    if before == after:
        return waveforms
    import torch

    divisor = gcd(before, after)
    before, after = before // divisor, after // divisor
    kernels = _sinc_kernels(before, after, waveforms)
    width = (kernels.shape[-1] - before) // 2
    count, length = waveforms.shape
    padded = torch.nn.functional.pad(waveforms, (width, width + before))
    resampled = torch.nn.functional.conv1d(padded[:, None], kernels, stride=before)
    return resampled.transpose(1, 2).reshape(count, -1)[:, : math.ceil(after * length / before)]


def _sinc_kernels(before: int, after: int, like: torch.Tensor) -> torch.Tensor:
    """Return the Hann-windowed sinc filters (after, 1, taps) of a ratio in lowest terms, one for each output phase."""
    import torch

    cutoff = min(before, after) * ROLL_OFF
    width = math.ceil(ZERO_CROSSINGS * before / cutoff)
    taps = torch.arange(-width, width + before, dtype=like.dtype, device=like.device)[None, None] / before
    phases = torch.arange(0, -after, -1, dtype=like.dtype, device=like.device)[:, None, None] / after
    time = phases + taps
    time *= cutoff
    time = time.clamp_(-ZERO_CROSSINGS, ZERO_CROSSINGS)
    window = torch.cos(time * math.pi / ZERO_CROSSINGS / 2) ** 2
    time *= math.pi
    kernels = torch.where(time == 0, torch.tensor(1.0).to(time), time.sin() / time)
    kernels *= window * (cutoff / before)
    return kernels


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
