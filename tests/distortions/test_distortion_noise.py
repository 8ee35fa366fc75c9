"""Noise against its ratio, its spectrum, and what published code calls pink."""

import numpy as np
import pytest
import torch
from scipy import signal

from tests.sounds import RATE, applied, built, decibels, speech


@pytest.mark.parametrize("snr", [-5, 10, 34.5])
@pytest.mark.parametrize("colour", ["white", "pink", "walks"])
def test_noise_has_the_ratio_that_is_asked_for(colour, snr):
    loud = speech()
    loud[1] *= 0.01
    noise = applied(loud, kind="noise", colour=colour, snr=snr).double() - loud
    ratio = decibels(loud.double().square().mean(-1) / noise.square().mean(-1))
    torch.testing.assert_close(ratio, torch.full((2,), float(snr)).double(), atol=0.05, rtol=0)


def test_the_level_of_noise_can_be_that_of_published_code():
    silence = torch.zeros(3, RATE)
    assert applied(silence, kind="noise", std=0.001).std(-1) == pytest.approx([0.001] * 3, rel=0.001)
    pink = applied(silence, kind="noise", colour="pink", peak=0.01)
    assert pink.abs().amax(-1) == pytest.approx([0.01] * 3)
    assert pink.mean(-1) == pytest.approx([0] * 3, abs=1e-8)


@pytest.mark.parametrize(("colour", "slope"), [("white", 0), ("pink", -10)])
def test_the_spectrum_of_noise_falls_by_its_colour(colour, slope):
    noise = applied(torch.zeros(8, 4 * RATE), kind="noise", colour=colour, std=0.1)
    frequencies, density = signal.welch(noise.numpy(), RATE, nperseg=4096)
    inside = (frequencies > 50) & (frequencies < 7000)
    # Evenly in decades, or the many bins of the last one would count alone.
    found = np.polyfit(
        np.log10(frequencies[inside]), 10 * np.log10(density.mean(0)[inside]), 1, w=frequencies[inside] ** -0.5
    )[0]
    assert found == pytest.approx(slope, abs=0.3)


def test_walks_are_what_audiocraft_calls_pink_noise():
    noise = applied(torch.zeros(4, RATE), kind="noise", colour="walks", peak=0.01).double()
    assert noise.abs().amax(-1) == pytest.approx([0.01] * 4)
    # Sixteen walks of independent steps: between their beginnings, differences are white.
    steps = noise.diff(dim=-1)
    begins = torch.arange(1, 16) * (RATE // 16 + 1) - 1
    within = torch.ones(RATE - 1, dtype=torch.bool)
    within[begins] = False
    assert (steps[:, begins].std() / steps[:, within].std()) > 5
    inside = steps[:, within]
    likeness = (inside[:, 1:] * inside[:, :-1]).mean() / inside.square().mean()
    assert abs(float(likeness)) < 0.02


def test_every_utterance_has_noise_of_its_own():
    noise = applied(torch.zeros(2, RATE), kind="noise", std=0.1)
    assert abs(np.corrcoef(noise.numpy())[0, 1]) < 0.05


@pytest.mark.parametrize("settings", [{}, {"snr": 10, "std": 0.1}, {"snr": 10, "std": None, "peak": 0.1}])
def test_noise_has_one_level(settings):
    with pytest.raises(ValueError, match="exactly one"):
        built(kind="noise", **settings)
