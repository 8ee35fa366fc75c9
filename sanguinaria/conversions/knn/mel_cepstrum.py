"""The mel-cepstrum of spectral envelopes: their shape as hearing resolves it, in few numbers."""

from __future__ import annotations

import numpy as np

from sanguinaria.audio.vocoder import FLOOR

# Triangles on the mel scale; as many as log-mel spectrograms of 16 kHz commonly have for cepstra.
BANDS = 40


class MelCepstrum:
    """Cepstra of envelopes with so many bins from 0 Hz to half the sample rate."""

    def __init__(self, bins: int, sample_rate: int, coefficients: int) -> None:
        # O'Shaughnessy's mel scale (1987): 2595 log₁₀(1 + f/700).
        mels = np.linspace(0, 2595 * np.log10(1 + sample_rate / 2 / 700), BANDS + 2)
        edges = 700 * (10 ** (mels / 2595) - 1)
        frequencies = np.linspace(0, sample_rate / 2, bins)[:, None]
        rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
        falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
        self.triangles = np.clip(np.minimum(rising, falling), 0, None)  # (bins, bands)
        self.coefficients = coefficients

    def of(self, envelopes: np.ndarray) -> np.ndarray:
        """(frames, bins), power → (frames, coefficients), the zeroth, which is the level, left out."""
        from scipy.fft import dct

        bands = np.log(envelopes @ self.triangles + FLOOR)
        cepstra: np.ndarray = dct(bands, norm="ortho", axis=1)[:, 1 : 1 + self.coefficients]
        return cepstra
