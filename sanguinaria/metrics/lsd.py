"""Log-spectral distance in dB (Gray & Markel, 1976): distance of two short-time spectra, 0 at best.

Of a frame it is the root mean square over bins of 20 log10 (|X| / |X̃|); of an utterance, the mean over frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from sanguinaria.metrics import Metric, Unscorable

if TYPE_CHECKING:
    import numpy as np

# Hann windows of 32 ms, every 8 ms: the usual choice for speech.
WINDOW = 0.032
HOP = 0.008
# Frames count where either utterance is at most so many dB below the loudest frame of both: STOI's range of speech. In
# pauses the logarithm would magnify inaudible differences, yet a trigger that sounds in a pause has to count.
RANGE = 40.0
# Power of the rounding to 16 bits, which utterances are stored with. It is the floor of every bin.
ROUNDING = 2.0**-30 / 12


class Lsd(Metric):
    """The distance over frames that are not silent in both utterances."""

    heading: ClassVar[str] = "LSD"
    label: ClassVar[str] = "log-spectral distance"
    unit: ClassVar[str] = "dB"
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def score(self, reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
        import numpy as np

        if len(reference) < round(WINDOW * sample_rate):
            raise Unscorable("LSD: the utterance is shorter than a frame")
        if not reference.any() or not degraded.any():
            raise Unscorable("LSD: an utterance is silent")
        powers = np.stack([_powers(audio, sample_rate) for audio in (reference, degraded)])
        loudness = 10 * np.log10(powers.sum(-1).max(0))
        ratios = np.diff(10 * np.log10(powers), axis=0)[0]
        distances = np.sqrt((ratios**2).mean(-1))
        return float(distances[loudness >= loudness.max() - RANGE].mean())


def _powers(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """The power spectra (frames, bins) of samples (samples,), not below the rounding's; no frame passes the ends."""
    import numpy as np

    length, hop = round(WINDOW * sample_rate), round(HOP * sample_rate)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    frames = np.lib.stride_tricks.sliding_window_view(audio.astype("float64"), length)[::hop]
    spectra = np.abs(np.fft.rfft(frames * window)) ** 2
    powers: np.ndarray = np.maximum(spectra, ROUNDING * (window**2).sum())
    return powers
