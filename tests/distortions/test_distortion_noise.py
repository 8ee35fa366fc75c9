"""Noise: signal-to-noise ratio, level, spectrum, and the pink noise of published code."""

import numpy as np
import pytest
import torch
from scipy import signal

from tests.sounds import RATE, apply_distortion, build_distortion, decibels, speech


@pytest.mark.parametrize("snr", [-5, 10, 34.5])
@pytest.mark.parametrize("colour", ["white", "pink", "walks"])
def test_noise_has_the_requested_signal_to_noise_ratio(colour, snr):
    waveforms = speech()
    waveforms[1] *= 0.01
    noise = apply_distortion(waveforms, kind="noise", colour=colour, snr=snr).double() - waveforms
    ratio = decibels(waveforms.double().square().mean(-1) / noise.square().mean(-1))
    torch.testing.assert_close(ratio, torch.full((2,), float(snr)).double(), atol=0.05, rtol=0)


def test_noise_has_the_requested_standard_deviation_or_peak():
    silence = torch.zeros(3, RATE)
    assert apply_distortion(silence, kind="noise", std=0.001).std(-1) == pytest.approx([0.001] * 3, rel=0.001)
    pink = apply_distortion(silence, kind="noise", colour="pink", peak=0.01)
    assert pink.abs().amax(-1) == pytest.approx([0.01] * 3)
    assert pink.mean(-1) == pytest.approx([0] * 3, abs=1e-8)


@pytest.mark.parametrize(("colour", "slope"), [("white", 0), ("pink", -10)])
def test_the_spectral_slope_of_noise(colour, slope):
    noise = apply_distortion(torch.zeros(8, 4 * RATE), kind="noise", colour=colour, std=0.1)
    frequencies, density = signal.welch(noise.numpy(), RATE, nperseg=4096)
    inside = (frequencies > 50) & (frequencies < 7000)
    # Weighted equally per decade; otherwise the many bins of the last decade would dominate.
    fitted = np.polyfit(
        np.log10(frequencies[inside]), 10 * np.log10(density.mean(0)[inside]), 1, w=frequencies[inside] ** -0.5
    )[0]
    assert fitted == pytest.approx(slope, abs=0.3)


def test_random_walks_are_the_pink_noise_of_audiocraft():
    noise = apply_distortion(torch.zeros(4, RATE), kind="noise", colour="walks", peak=0.01).double()
    assert noise.abs().amax(-1) == pytest.approx([0.01] * 4)
    # Sixteen walks of independent steps: within a walk, differences are white.
    steps = noise.diff(dim=-1)
    starts = torch.arange(1, 16) * (RATE // 16 + 1) - 1
    within = torch.ones(RATE - 1, dtype=torch.bool)
    within[starts] = False
    assert (steps[:, starts].std() / steps[:, within].std()) > 5
    inside = steps[:, within]
    correlation = (inside[:, 1:] * inside[:, :-1]).mean() / inside.square().mean()
    assert abs(float(correlation)) < 0.02


def test_noise_is_independent_between_utterances():
    noise = apply_distortion(torch.zeros(2, RATE), kind="noise", std=0.1)
    assert abs(np.corrcoef(noise.numpy())[0, 1]) < 0.05


@pytest.mark.parametrize("settings", [{}, {"snr": 10, "std": 0.1}, {"snr": 10, "std": None, "peak": 0.1}])
def test_noise_needs_exactly_one_level(settings):
    with pytest.raises(ValueError, match="exactly one"):
        build_distortion(kind="noise", **settings)
