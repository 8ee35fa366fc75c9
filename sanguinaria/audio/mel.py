"""Mel scales and triangular mel filter banks.

Two scales are in use. The HTK scale is O'Shaughnessy's (1987, Speech Communication), 2595 · log₁₀(1 + f / 700).
Slaney's scale (1998, Auditory Toolbox) is linear up to 1 kHz and logarithmic above, as in librosa.

The networks' filter banks of torch, :func:`htk_filters`, are in single precision, operation by operation as in
torchaudio 2.11 (BSD 2-Clause), so that the weights are the same, bit for bit. The functions of NumPy are in double
precision.

Filter banks are computed once for each combination of settings. They are shared: do not change them in place.
"""

from __future__ import annotations

from functools import cache
from math import log, log10
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch

# O'Shaughnessy's constants: mel per decade, and the frequency in Hz at which the scale turns logarithmic.
HTK_FACTOR, HTK_CORNER = 2595, 700
# Where the logarithmic part of Slaney's scale starts, in mel and in Hz; 27 mel above it the frequency is 6.4 times as
# high.
SLANEY_CORNER, SLANEY_CORNER_HZ = 15, 1000
SLANEY_MELS_PER_STEP, SLANEY_STEP = 27, 6.4

Number = TypeVar("Number", float, np.ndarray)


def hertz_to_htk(frequencies: Number) -> Number:
    """Convert Hz to mel on the HTK scale.

    Example:
        >>> round(float(hertz_to_htk(1000.0)), 2)
        999.99
    """
    mels: Number = HTK_FACTOR * np.log10(1 + frequencies / HTK_CORNER)
    return mels


def htk_to_hertz(mels: Number) -> Number:
    """Convert mel on the HTK scale to Hz.

    Example:
        >>> round(htk_to_hertz(1000.0), 2)
        1000.02
    """
    return HTK_CORNER * (10 ** (mels / HTK_FACTOR) - 1)


def slaney_to_hertz(mels: np.ndarray) -> np.ndarray:
    """Convert mel on Slaney's scale to Hz.

    Example:
        >>> slaney_to_hertz(np.array([3, 15, 42])).tolist()
        [200.0, 1000.0, 6400.0]
    """
    linear = mels * SLANEY_CORNER_HZ / SLANEY_CORNER
    logarithmic = SLANEY_CORNER_HZ * SLANEY_STEP ** ((mels - SLANEY_CORNER) / SLANEY_MELS_PER_STEP)
    return np.where(mels < SLANEY_CORNER, linear, logarithmic)


def htk_band_edges(lowest: float, highest: float, count: int) -> np.ndarray:
    """Return frequencies in Hz, (count,) in double precision, that are evenly spaced on the HTK scale, ends included.

    Args:
        lowest: the first frequency, in Hz.
        highest: the last frequency, in Hz.
        count: the number of frequencies.

    Example:
        >>> htk_band_edges(0.0, 8000.0, 3).round(1).tolist()
        [0.0, 1767.8, 8000.0]
    """
    first, last = hertz_to_htk(np.array([lowest, highest]))
    return htk_to_hertz(np.linspace(first, last, count))


def triangles(frequencies: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Compute triangular filters of height 1, in double precision.

    Filter b rises from ``edges[b]`` to ``edges[b + 1]`` and falls to ``edges[b + 2]``.

    Args:
        frequencies: of the bins, in Hz, (bins, 1).
        edges: in Hz, (bands + 2,).

    Returns:
        Weights (bins, bands). With frequencies (bins,) and edges (bands + 2, 1), the transpose (bands, bins).

    Example:
        >>> triangles(np.array([[0], [50], [100], [150]]), np.array([0, 100, 200])).ravel().tolist()
        [0.0, 0.5, 1.0, 0.5]
    """
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    weights: np.ndarray = np.minimum(rising, falling).clip(min=0)
    return weights


@cache
def htk_filters(
    fft: int, bands: int, sample_rate: int, lowest: float = 0.0, device: torch.device | str = "cpu"
) -> torch.Tensor:
    """Compute a mel filter bank on the HTK scale: triangles of height 1, in single precision, as torchaudio's.

    Args:
        fft: samples of the Fourier transform, even.
        bands: number of filters. With too many, the lowest lie between two bins and are 0.
        sample_rate: in Hz; the highest filter ends at half of it.
        lowest: edge of the lowest filter, in Hz.
        device: of the result.

    Returns:
        Weights (fft // 2 + 1, bands): ``power @ weights`` turns spectra (…, bins) into mel energies (…, bands).
    """
    import torch

    # Whatever surrounds the first call (a default device, inference mode) must not decide what later calls share.
    with torch.device("cpu"), torch.inference_mode(False):
        frequencies = torch.linspace(0, sample_rate // 2, fft // 2 + 1)
        first, last = (HTK_FACTOR * log10(1.0 + hertz / HTK_CORNER) for hertz in (lowest, sample_rate / 2))
        edges = HTK_CORNER * (10.0 ** (torch.linspace(first, last, bands + 2) / HTK_FACTOR) - 1.0)
        widths = edges[1:] - edges[:-1]
        slopes = edges[None] - frequencies[:, None]
        falling, rising = -1.0 * slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]
        return torch.max(torch.zeros(1), torch.min(falling, rising)).to(device)


@cache
def slaney_filters(sample_rate: int, frame: int, bands: int, highest: float) -> np.ndarray:
    """Compute a mel filter bank on Slaney's scale: triangles of unit area from 0 Hz, in double precision, as librosa's.

    Args:
        sample_rate: in Hz.
        frame: samples of the Fourier transform, even or odd.
        bands: number of filters.
        highest: edge of the highest filter, in Hz; at least 1 kHz. It may be above half the sample rate; filters that
            lie there are 0.

    Returns:
        Weights (bands, frame // 2 + 1).
    """
    highest_mel = SLANEY_CORNER + SLANEY_MELS_PER_STEP * log(highest / SLANEY_CORNER_HZ) / log(SLANEY_STEP)
    edges = slaney_to_hertz(np.linspace(0, highest_mel, bands + 2))[:, None]
    bins = np.arange(frame // 2 + 1) * sample_rate / frame
    weights: np.ndarray = triangles(bins, edges) * 2 / (edges[2:] - edges[:-2])
    return weights
