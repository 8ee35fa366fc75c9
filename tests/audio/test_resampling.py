"""Sinc interpolation, its filters and the phase vocoder: against scipy, the textbook, and torchaudio 2.11's values."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import resample_poly

from sanguinaria.audio.resampling import ROLL_OFF, ZERO_CROSSINGS, resample
from sanguinaria.audio.time_stretching import HOP, WINDOW, phase_vocoder

TIME = torch.arange(64, dtype=torch.float64)
WAVEFORM = (torch.sin(0.3 * TIME) + 0.25 * torch.cos(1.1 * TIME))[None]


@pytest.mark.parametrize(
    ("before", "after", "samples", "values"),
    [
        (16000, 22050, 89, [0.7896444797515869, 0.4796358048915863, 0.2575858235359192, 0.16129198670387268]),
        (44100, 16000, 24, [0.9810853004455566, 0.2721599340438843, -0.4414180517196655, -0.990851640701294]),
        (16000, 24000, 96, [1.033786654472351, 0.7553271055221558, 0.4726569354534149, 0.2665909230709076]),
    ],
)
def test_sinc_interpolation_agrees_with_torchaudio(before, after, samples, values):
    """The values of ``torchaudio.functional.resample`` of torchaudio 2.11.0, from the eleventh sample on."""
    resampled = resample(WAVEFORM.float(), before, after)
    assert resampled.shape == (1, samples)
    torch.testing.assert_close(resampled[0, 10:14], torch.tensor(values), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("before", "after"), [(16000, 22050), (44100, 16000), (3, 2), (2, 3)])
def test_sinc_interpolation_is_a_windowed_sum_of_sincs(before, after):
    resampled = resample(WAVEFORM, before, after)[0]
    cutoff = min(before, after) * ROLL_OFF
    source, target = np.arange(WAVEFORM.shape[-1]) / before, np.arange(len(resampled)) / after
    distance = np.clip((target[:, None] - source) * cutoff, -ZERO_CROSSINGS, ZERO_CROSSINGS)
    weights = np.sinc(distance) * np.cos(np.pi * distance / ZERO_CROSSINGS / 2) ** 2 * cutoff / before
    np.testing.assert_allclose(resampled, weights @ WAVEFORM[0].numpy(), atol=1e-6)


def test_halving_the_rate_agrees_with_scipy():
    sine = np.sin(2 * np.pi * 440 * np.arange(32_000) / 32_000)
    halved = resample(torch.from_numpy(sine)[None], 32_000, 16_000)[0].numpy()
    np.testing.assert_allclose(halved[100:-100], resample_poly(sine, 1, 2)[100:-100], atol=2e-3)


def test_equal_rates_return_the_waveforms_themselves():
    assert resample(WAVEFORM, 16000, 16000) is WAVEFORM


def test_resampling_is_differentiable():
    waveform = WAVEFORM.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda samples: resample(samples, 3, 2), waveform)


@pytest.mark.parametrize(
    ("speed", "frames", "values"),
    [
        (
            0.8,
            20,
            [
                0.8577314019203186 + 1.33583402633667j,
                -1.0458279848098755 - 1.2108854055404663j,
                -1.596362829208374 + 0.2275557816028595j,
            ],
        ),
        (
            1.25,
            13,
            [
                -1.6203398704528809 + 0.23096945881843567j,
                1.65625 + 2.3700698648099205e-07j,
                0.9054299592971802 + 1.4101201295852661j,
            ],
        ),
    ],
)
def test_phase_vocoder_agrees_with_torchaudio(speed, frames, values):
    """The values of ``torchaudio.functional.phase_vocoder`` of torchaudio 2.11.0, from the eighth frame on."""
    grid = TIME.reshape(4, 16).float()
    stretched = phase_vocoder(torch.polar(1 + grid / 64, grid**2 % 6), speed, hop=4)
    assert stretched.shape == (4, frames)
    torch.testing.assert_close(stretched[2, 7:10], torch.tensor(values), atol=1e-5, rtol=0)


def test_phase_vocoder_keeps_the_frequency_of_a_tone():
    tone = torch.sin(2 * math.pi * 1000 * torch.arange(16000) / 16000)[None]
    window = torch.hann_window(WINDOW)
    spectra = torch.stft(tone, WINDOW, HOP, window=window, return_complex=True)
    stretched = torch.istft(phase_vocoder(spectra, 0.8, HOP), WINDOW, HOP, window=window)
    assert stretched.shape[-1] == pytest.approx(20000, abs=WINDOW)
    spectrum = torch.fft.rfft(stretched[0]).abs()
    assert int(spectrum.argmax()) * 16000 / stretched.shape[-1] == pytest.approx(1000, abs=2)


def test_phase_vocoder_at_the_original_speed_changes_nothing():
    spectra = torch.randn(2, 3, 4, dtype=torch.complex64)
    assert phase_vocoder(spectra, 1.0, HOP) is spectra
