"""The mel-cepstrum of spectral envelopes: a compact description of their shape at the resolution of hearing."""

from __future__ import annotations

import numpy as np

from sanguinaria.audio.mel import htk_band_edges, triangles
from sanguinaria.audio.vocoder import FLOOR

# Triangles on the mel scale; as many as log-mel spectrograms of 16 kHz commonly have for cepstra.
BANDS = 40


class MelCepstrum:
    """Mel-cepstra of envelopes.

    Args:
        bins: of an envelope, evenly spaced from 0 Hz to half the sample rate.
        sample_rate: in Hz.
        coefficients: of a cepstrum, without the zeroth.
    """

    def __init__(self, bins: int, sample_rate: int, coefficients: int) -> None:
        edges = htk_band_edges(0, sample_rate / 2, BANDS + 2)
        frequencies = np.linspace(0, sample_rate / 2, bins)[:, None]
        self.filters = triangles(frequencies, edges)  # (bins, bands)
        self.coefficients = coefficients

    def transform(self, envelopes: np.ndarray) -> np.ndarray:
        """Compute mel-cepstra without the zeroth coefficient, which is the level.

        Args:
            envelopes: power, (frames, bins).

        Returns:
            (frames, coefficients).
        """
        from scipy.fft import dct

        bands = np.log(envelopes @ self.filters + FLOOR)
        cepstra: np.ndarray = dct(bands, norm="ortho", axis=1)[:, 1 : 1 + self.coefficients]
        return cepstra
