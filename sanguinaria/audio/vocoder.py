"""Speech as pitch, spectral envelope and aperiodicity, and back: the vocoder WORLD, by the package ``pyworld``.

Morise, Yokomori and Ozawa, 2016, "WORLD: A Vocoder-Based High-Quality Speech Synthesis System for Real-Time
Applications", doi:10.1587/transinf.2015EDP7457.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from sanguinaria.core.errors import InputError

# Hz. Where there are fewer, WORLD has no band to estimate aperiodicity in.
LOWEST_RATE = 8000
# Milliseconds from frame to frame: WORLD's default.
PERIOD = 5.0
# Frames this much weaker than an utterance's loudest are pauses: 30 dB, about the range of levels within speech.
RANGE = 1e-3
# Added to power, so that silence has a logarithm: −120 dB of a full-scale sine's envelope.
FLOOR = 1e-12


@dataclass(frozen=True)
class VocoderParameters:
    """One utterance, frame by frame.

    ``f0`` (frames,) in Hz, 0 where there is no voice; ``envelope`` (frames, bins), power; ``aperiodicity`` (frames,
    bins), in [0, 1]. Bins lie evenly from 0 Hz to half the sample rate.
    """

    f0: np.ndarray
    envelope: np.ndarray
    aperiodicity: np.ndarray

    @property
    def voiced(self) -> np.ndarray:
        """Whether a frame is of a voice, (frames,)."""
        voiced: np.ndarray = self.f0 > 0
        return voiced

    @property
    def active(self) -> np.ndarray:
        """Whether a frame is louder than a pause, (frames,)."""
        power = self.envelope.mean(axis=1)
        active: np.ndarray = power > RANGE * power.max()
        return active


def analyse(waveform: np.ndarray, sample_rate: int) -> VocoderParameters:
    """The parameters of a waveform (samples,) in [-1, 1]; a frame every 5 ms.

    The pitch is by DIO, refined by StoneMask: 5 ms for a second of speech, where Harvest takes 140.

    Raises:
        InputError: the sample rate, in Hz, is below the lowest that WORLD takes.
    """
    if sample_rate < LOWEST_RATE:
        raise InputError(f"the vocoder WORLD needs {LOWEST_RATE} Hz or more, and the audio has {sample_rate} Hz")
    pyworld = _package()
    samples = np.ascontiguousarray(waveform, dtype=np.float64)
    rough, times = pyworld.dio(samples, sample_rate, frame_period=PERIOD)
    f0 = pyworld.stonemask(samples, rough, times, sample_rate)
    return VocoderParameters(
        f0,
        pyworld.cheaptrick(samples, f0, times, sample_rate),
        pyworld.d4c(samples, f0, times, sample_rate),
    )


def synthesise(speech: VocoderParameters, sample_rate: int, num_samples: int) -> np.ndarray:
    """A waveform (num_samples,), float32, of given parameters. Its noise is drawn from one seed: equal parameters sound
    the same."""
    pyworld = _package()
    made = pyworld.synthesize(
        *(np.ascontiguousarray(part) for part in (speech.f0, speech.envelope, speech.aperiodicity)),
        sample_rate,
        PERIOD,
    )
    fitted = np.zeros(num_samples, dtype=np.float32)
    fitted[: len(made)] = made[:num_samples]
    return fitted


def _package() -> Any:
    with warnings.catch_warnings():
        # It asks pkg_resources for its version, which says on import that it will go.
        warnings.simplefilter("ignore", UserWarning)
        import pyworld
    return pyworld
