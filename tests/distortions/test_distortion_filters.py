"""Filters and smoothing against scipy's, and their attenuation at the cut-off frequencies."""

import numpy as np
import pytest
import torch
from scipy import ndimage, signal

from sanguinaria.core.errors import InputError
from tests.sounds import RATE, apply_distortion, build_distortion, decibels, speech


@pytest.mark.parametrize(
    ("settings", "band", "kind"),
    [
        ({"below": 4000}, 4000, "low"),
        ({"above": 500, "order": 4}, 500, "high"),
        ({"above": 300, "below": 3400, "order": 3}, [300, 3400], "band"),
    ],
)
def test_the_butterworth_filter_is_scipy_s(settings, band, kind):
    sections = signal.butter(settings.get("order", 6), band, kind, fs=RATE, output="sos")
    expected = signal.sosfilt(sections, speech().double().numpy())
    np.testing.assert_allclose(apply_distortion(speech(), kind="filter", **settings).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize(("design", "attenuation"), [("butterworth", 3.01), ("sinc", 6.02)])
@pytest.mark.parametrize("settings", [{"below": 4000}, {"above": 1000}, {"above": 1000, "below": 4000}])
def test_the_attenuation_at_the_cut_off_is_that_of_the_design(settings, design, attenuation):
    impulse = torch.zeros(1, RATE)
    impulse[0, RATE // 2] = 1
    response = decibels(
        torch.fft.rfft(apply_distortion(impulse, kind="filter", design=design, **settings)).abs().square()
    )
    for cutoff in settings.values():
        assert float(response[0, cutoff]) == pytest.approx(-attenuation, abs=0.1)
    assert float(response[0, 2000]) == pytest.approx(0, abs=0.2)
    for outside in [7000] * ("below" in settings) + [100] * ("above" in settings):
        assert float(response[0, outside]) < -25


def test_wake_s_band_pass_is_a_high_pass_at_16_khz():
    filtered = apply_distortion(speech(), kind="filter", above=300, below=8000, design="sinc")
    torch.testing.assert_close(filtered, apply_distortion(speech(), kind="filter", above=300, design="sinc"))
    assert torch.equal(apply_distortion(speech(), kind="filter", below=8000), speech())


@pytest.mark.parametrize("settings", [{"below": 8001}, {"above": 8000}, {"above": 9000, "below": 9500}])
def test_cut_offs_above_half_the_sample_rate_are_an_error(settings):
    with pytest.raises(InputError, match="keep its cut-offs below 8000 Hz"):
        apply_distortion(speech(), kind="filter", **settings)


@pytest.mark.parametrize("settings", [{}, {"above": 400, "below": 300}])
def test_a_filter_without_a_pass_band_is_an_error(settings):
    with pytest.raises(ValueError, match="above"):
        build_distortion(kind="filter", **settings)


def test_the_median_is_scipy_s():
    for window in (3, 7):
        expected = np.stack([signal.medfilt(row, window) for row in speech().numpy()])
        np.testing.assert_array_equal(apply_distortion(speech(), kind="median", window=window).numpy(), expected)
    with pytest.raises(ValueError, match="odd"):
        build_distortion(kind="median", window=4)


@pytest.mark.parametrize("window", [2, 5])
def test_smoothing_is_a_moving_average(window):
    expected = [np.convolve(row, np.ones(window) / window, "same") for row in speech().flip(-1).double().numpy()]
    smooth = apply_distortion(speech(), kind="smoothing", window=window).flip(-1)
    np.testing.assert_allclose(smooth.numpy(), np.stack(expected), atol=1e-6)


@pytest.mark.parametrize("deviation", [0.3, 1.0, 2.7])
def test_the_gaussian_filter_is_scipy_s(deviation):
    expected = ndimage.gaussian_filter1d(speech().double().numpy(), deviation, mode="constant")
    np.testing.assert_allclose(
        apply_distortion(speech(), kind="gaussian", deviation=deviation).numpy(), expected, atol=1e-6
    )
