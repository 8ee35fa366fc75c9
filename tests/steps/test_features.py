"""Log-mel spectrograms against a reference in NumPy, and damaged feature files."""

import numpy as np
import pytest
import torch

from sanguinaria.core.errors import InputError
from sanguinaria.front_ends.log_mel import FLOOR, LogMel
from sanguinaria.steps.features import load_features

CPU = torch.device("cpu")
RATE = 16000


def reference(waveform: np.ndarray, settings: LogMel) -> np.ndarray:
    """Log-mel spectrogram frame by frame: window, Fourier transform, triangles on the HTK mel scale, logarithm."""
    half = settings.fft // 2
    padded = np.pad(waveform, half)
    window = np.zeros(settings.fft)
    start = (settings.fft - settings.window) // 2
    window[start : start + settings.window] = 0.5 - 0.5 * np.cos(
        2 * np.pi * np.arange(settings.window) / settings.window
    )
    frames = [padded[a : a + settings.fft] * window for a in range(0, len(waveform) + 1, settings.hop)]
    power = np.abs(np.fft.rfft(frames)) ** 2
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), settings.bands + 2) / 2595) - 1)
    bins = np.arange(half + 1) * RATE / settings.fft
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return np.log(np.clip(np.minimum(rising, falling), 0, None) @ power.T + FLOOR)


def test_log_mel_equals_the_reference():
    waveform = np.random.default_rng(0).normal(size=8000) * 0.1
    settings = LogMel(bands=40, fft=512, window=400, hop=160)
    expected = reference(waveform, settings)
    spectrogram = settings.transform(RATE, CPU)(torch.tensor(waveform, dtype=torch.float32)[None])[0]
    assert spectrogram.shape == (40, 51)
    np.testing.assert_allclose(spectrogram.numpy(), expected, atol=2e-3)


def test_utterances_of_a_batch_are_independent():
    transform = LogMel().transform(RATE, CPU)
    batch = torch.randn(4, RATE) * 0.1
    torch.testing.assert_close(transform(batch)[2:3], transform(batch[2:3]), atol=1e-4, rtol=1e-4)


def test_the_log_mel_of_silence_is_the_floor():
    spectrogram = LogMel().transform(RATE, CPU)(torch.zeros(1, RATE))
    assert spectrogram.min() == spectrogram.max() == pytest.approx(np.log(FLOOR))


def test_a_damaged_feature_file_is_named(tmp_path):
    path = tmp_path / "0.safetensors"
    path.write_bytes(b"no such thing")
    with pytest.raises(InputError, match=r"0\.safetensors: damaged features"):
        load_features([path])
