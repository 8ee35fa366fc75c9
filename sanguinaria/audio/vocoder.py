"""The vocoder WORLD, by the package ``pyworld``: analysis into F0, spectral envelope and aperiodicity, and synthesis.

Morise, Yokomori and Ozawa, 2016, "WORLD: A Vocoder-Based High-Quality Speech Synthesis System for Real-Time
Applications", doi:10.1587/transinf.2015EDP7457.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from sanguinaria.core.errors import InputError

# Hz. Below it, WORLD has no band to estimate aperiodicity in.
MINIMUM_SAMPLE_RATE = 8000
# Frame period in milliseconds: WORLD's default.
PERIOD = 5.0
# Frames with less than this share of an utterance's highest power are pauses: −30 dB, about the range within speech.
PAUSE_RATIO = 1e-3
# Added to power before taking logarithms: −120 dB of a full-scale sine's envelope.
FLOOR = 1e-12


@dataclass(frozen=True)
class VocoderParameters:
    """WORLD's parameters of an utterance.

    Args:
        f0: fundamental frequency in Hz, 0 for unvoiced frames, (frames,).
        envelope: spectral envelope, a power, (frames, bins); bins are equally spaced from 0 Hz to half the sample rate.
        aperiodicity: in [0, 1], (frames, bins).
    """

    f0: np.ndarray
    envelope: np.ndarray
    aperiodicity: np.ndarray

    @property
    def voiced(self) -> np.ndarray:
        """Whether a frame is voiced, (frames,)."""
        voiced: np.ndarray = self.f0 > 0
        return voiced

    @property
    def active(self) -> np.ndarray:
        """Whether a frame is no pause, (frames,)."""
        power = self.envelope.mean(axis=1)
        active: np.ndarray = power > PAUSE_RATIO * power.max()
        return active


def analyse(waveform: np.ndarray, sample_rate: int) -> VocoderParameters:
    """Compute the vocoder parameters of a waveform, with a frame every 5 ms.

    F0 is estimated by DIO and refined by StoneMask, which takes 5 ms for a second of speech; Harvest takes 140 ms.

    Args:
        waveform: (samples,), in [-1, 1].
        sample_rate: in Hz.

    Raises:
        InputError: the sample rate is below the lowest that WORLD supports.
    """
    if sample_rate < MINIMUM_SAMPLE_RATE:
        raise InputError(
            f"the vocoder WORLD needs {MINIMUM_SAMPLE_RATE} Hz or more, and the audio has {sample_rate} Hz"
        )
    pyworld = _import_pyworld()
    samples = np.ascontiguousarray(waveform, dtype=np.float64)
    coarse_f0, times = pyworld.dio(samples, sample_rate, frame_period=PERIOD)
    f0 = pyworld.stonemask(samples, coarse_f0, times, sample_rate)
    return VocoderParameters(
        f0,
        pyworld.cheaptrick(samples, f0, times, sample_rate),
        pyworld.d4c(samples, f0, times, sample_rate),
    )


def synthesise(speech: VocoderParameters, sample_rate: int, num_samples: int) -> np.ndarray:
    """Synthesise a waveform; equal parameters give equal waveforms, since the noise has a fixed seed.

    Args:
        speech: the vocoder parameters.
        sample_rate: in Hz.
        num_samples: the length of the result, which is cropped or zero-padded at the end.

    Returns:
        (num_samples,), float32.
    """
    pyworld = _import_pyworld()
    synthesised = pyworld.synthesize(
        *(np.ascontiguousarray(parameter) for parameter in (speech.f0, speech.envelope, speech.aperiodicity)),
        sample_rate,
        PERIOD,
    )
    waveform = np.zeros(num_samples, dtype=np.float32)
    waveform[: len(synthesised)] = synthesised[:num_samples]
    return waveform


def match_power(envelopes: np.ndarray, speech: VocoderParameters) -> np.ndarray:
    """Scale envelopes (frames, bins) to the power of the utterance's own frames."""
    scaled: np.ndarray = envelopes * (speech.envelope.mean(axis=1) / envelopes.mean(axis=1))[:, None]
    return scaled


def _import_pyworld() -> Any:
    """Import pyworld without its deprecation warning."""
    with warnings.catch_warnings():
        # It takes its version from pkg_resources, which warns on import that it is deprecated.
        warnings.simplefilter("ignore", UserWarning)
        import pyworld
    return pyworld
