"""The warping of the frequency axis: its identity, its inverse, and the estimate from spectra that are known."""

import numpy as np
import pytest

from sanguinaria.conversions.world.warping import Warping, warp

RATE, BINS = 16_000, 513


def spectrum(*formants, tilt=0.0):
    """Log envelope with peaks of 300 Hz at the formants, in Hz."""
    frequencies = np.linspace(0, RATE / 2, BINS)
    peaks = sum(3 * np.exp(-np.square((frequencies - formant) / 300)) for formant in formants)
    return peaks + tilt * np.linspace(0, 1, BINS)


def formants(logarithms):
    """Frequencies of the local maxima, in Hz."""
    inner = logarithms[1:-1]
    peaks = np.flatnonzero((inner > logarithms[:-2]) & (inner > logarithms[2:]) & (inner > 1)) + 1
    return peaks * RATE / 2 / (BINS - 1)


def test_no_factor_is_the_identity():
    np.testing.assert_allclose(warp(spectrum(700, 1800), 0.0), spectrum(700, 1800), atol=1e-12)


def test_low_formants_are_scaled_by_the_vocal_tract_s_length():
    # For low frequencies an all-pass is a scaling by (1 + α) / (1 − α).
    moved = formants(warp(spectrum(600, 1500), 0.05))
    np.testing.assert_allclose(moved, np.array([600, 1500]) * 0.95 / 1.05, rtol=0.02)


def test_the_opposite_factor_undoes_a_warp():
    again = warp(warp(spectrum(700, 1800, 3100), 0.1), -0.1)
    np.testing.assert_allclose(again, spectrum(700, 1800, 3100), atol=0.02)


@pytest.mark.parametrize("scale", [0.88, 1.0, 1.1])
def test_the_factor_of_a_scaled_spectrum_is_found(scale):
    source, places = spectrum(500, 1400, 2400), scale * np.array([500, 1400, 2400])
    warping = Warping.between(source, spectrum(*places), RATE, 0.15)
    # A scaling by s is, at low frequencies, the factor (1 − s) / (1 + s).
    assert warping.factor == pytest.approx((1 - scale) / (1 + scale), abs=0.011)
    warped = Warping(warping.factor, 0.0).apply(source[None])[0]
    np.testing.assert_allclose(formants(warped), places, rtol=0.03)


@pytest.mark.parametrize(("factor", "tilt"), [(0.0, 0.0), (0.07, -2.0), (-0.04, 1.5)])
def test_a_warp_and_a_tilt_are_found(factor, tilt):
    source = spectrum(500, 1400, 2400)
    target = warp(source, factor) + tilt * np.linspace(0, 1, BINS) + 0.3
    warping = Warping.between(source, target, RATE, 0.15)
    assert (warping.factor, warping.tilt) == (pytest.approx(factor), pytest.approx(tilt))
    np.testing.assert_allclose(warping.apply(source[None])[0], target - 0.3, atol=1e-9)


def test_the_factor_is_bounded():
    warping = Warping.between(spectrum(500, 1400, 2400), spectrum(400, 1120, 1920), RATE, 0.05)
    assert warping.factor == pytest.approx(0.05)
