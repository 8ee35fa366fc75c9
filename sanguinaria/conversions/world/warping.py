"""Warping of the frequency axis: the length of a speaker's vocal tract, by vocal tract length normalisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Resolution of the estimate of the warping factor.
STEP = 0.01
# Hz that are compared: below, the level is the room's and the microphone's, and above there are few formants.
LOWEST, HIGHEST = 150.0, 5000.0


@dataclass(frozen=True)
class Warping:
    """A warping of the frequency axis, and a tilt of the spectrum.

    Attributes:
        factor: α of the bilinear (all-pass) warp; above 0 it moves formants down, as a longer vocal tract does.
        tilt: of the log envelope, in nepers of power over the whole band.
    """

    factor: float
    tilt: float

    @classmethod
    def between(cls, source: np.ndarray, target: np.ndarray, sample_rate: int, maximum: float) -> Warping:
        """Estimate the warping whose result, tilted, deviates least from a target.

        Args:
            source: mean log envelope of the utterance, (bins,), from 0 Hz to half the sample rate.
            target: of the target's speech, (bins,).
            sample_rate: in Hz.
            maximum: the largest factor in either direction.
        """
        number = round(maximum / STEP)
        frequencies = np.linspace(0, sample_rate / 2, len(source))
        compared = (frequencies >= LOWEST) & (frequencies <= HIGHEST)
        terms = np.stack([np.ones(len(source)), np.linspace(0, 1, len(source))], axis=1)[compared]

        def fit(factor: float) -> tuple[float, float, Warping]:
            change = (target - warp(source, factor))[compared]
            level_and_tilt = np.linalg.lstsq(terms, change, rcond=None)[0]
            deviation = np.square(change - terms @ level_and_tilt).mean()
            return float(deviation), abs(factor), cls(factor, float(level_and_tilt[1]))

        return min((fit(STEP * step) for step in range(-number, number + 1)), key=lambda fitted: fitted[:2])[2]

    def apply(self, logarithms: np.ndarray) -> np.ndarray:
        """Warp and tilt log envelopes (frames, bins)."""
        warped = np.stack([warp(frame, self.factor) for frame in logarithms])
        tilted: np.ndarray = warped + self.tilt * np.linspace(0, 1, logarithms.shape[1])
        return tilted


def warp(logarithms: np.ndarray, factor: float) -> np.ndarray:
    """Warp a log envelope (bins,) by an all-pass of first order: ω′ = ω + 2 arctan(α sin ω / (1 − α cos ω)).

    It is the bilinear transform of Acero and Stern (1991, "Robust speech recognition by normalization of the acoustic
    space"); the value at ω is that which was at ω′, by linear interpolation.

    >>> import numpy
    >>> warp(numpy.array([0.0, 1.0, 2.0]), 0.0).tolist()
    [0.0, 1.0, 2.0]
    """
    angles = np.linspace(0, np.pi, len(logarithms))
    sources = angles + 2 * np.arctan2(factor * np.sin(angles), 1 - factor * np.cos(angles))
    warped: np.ndarray = np.interp(sources, angles, logarithms)
    return warped
