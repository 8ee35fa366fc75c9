"""Test signals for distortions, and measurements of them."""

import numpy as np
import torch
from scipy import signal

from sanguinaria.core import plugins
from sanguinaria.distortions import Distortion

RATE = 16000


def build_distortion(**settings) -> Distortion:
    distortion = plugins.build("distortions", settings)
    assert isinstance(distortion, Distortion)
    return distortion


def seeded_generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def apply_distortion(waveforms: torch.Tensor, sample_rate: int = RATE, **settings) -> torch.Tensor:
    return build_distortion(**settings).apply(waveforms, sample_rate, seeded_generator())


def speech(utterances: int = 2, samples: int = RATE, rate: int = RATE) -> torch.Tensor:
    """Noise with the band and the bursts of speech, (utterances, samples)."""
    random = np.random.default_rng(0)
    band = signal.butter(2, [100, min(3500, 0.4 * rate)], "band", fs=rate, output="sos")
    bursts = 1 + np.sin(2 * np.pi * 4 * np.arange(samples) / rate)
    shaped = signal.sosfilt(band, random.standard_normal((utterances, samples))) * bursts
    return torch.from_numpy(0.5 * shaped / np.abs(shaped).max()).float()


def tone(frequency: float, seconds: float = 2, amplitude: float = 0.5) -> torch.Tensor:
    time = np.arange(int(seconds * RATE)) / RATE
    return torch.from_numpy(amplitude * np.sin(2 * np.pi * frequency * time)).float()[None]


def frequency_of(waveform: torch.Tensor) -> float:
    """Frequency in Hz, from the middle of a tone (1, samples)."""
    middle = waveform[0, 4000:-4000].numpy()
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 20))
    return float(spectrum.argmax() * RATE / (1 << 20))


def decibels(power: torch.Tensor) -> torch.Tensor:
    return 10 * power.log10()


def reverberation_time(response: np.ndarray) -> float:
    """RT60 in seconds: the slope of Schroeder's backward integral from −5 to −35 dB."""
    remaining = np.cumsum((response**2)[::-1])[::-1]
    level = 10 * np.log10(remaining / remaining[0] + 1e-20)
    first, last = np.argmax(level <= -5), np.argmax(level <= -35)
    slope = np.polyfit(np.arange(first, last) / RATE, level[first:last], 1)[0]
    return -60 / slope


def lag(before: np.ndarray, after: np.ndarray) -> int:
    """Delay of the second waveform, in samples."""
    return int(np.argmax(signal.correlate(after, before))) - (len(before) - 1)
