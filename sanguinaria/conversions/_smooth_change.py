"""Changes of spectral envelopes without detail: smooth over frequency, smooth over time, and none in pauses."""

from __future__ import annotations

import numpy as np


def smooth_change(change: np.ndarray, active: np.ndarray, coefficients: int, deviation: float) -> np.ndarray:
    """Smooth the change of log envelopes.

    Its cepstrum is truncated, which leaves ripples of no less than 2 / coefficients of the band, and each bin is
    smoothed over frames.

    Args:
        change: of the logarithm of envelopes, (frames, bins).
        active: whether a frame is no pause, (frames,). A pause changes as much as its neighbours' smoothed change.
        coefficients: of the cepstrum that are kept, the zeroth included.
        deviation: standard deviation of the Gaussian over time, in frames.

    Returns:
        (frames, bins).
    """
    from scipy.fft import dct, idct
    from scipy.ndimage import gaussian_filter1d

    cepstrum = dct(np.where(active[:, None], change, 0.0), norm="ortho", axis=1)
    cepstrum[:, coefficients:] = 0
    smoothed: np.ndarray = gaussian_filter1d(idct(cepstrum, norm="ortho", axis=1), deviation, axis=0)
    return smoothed
