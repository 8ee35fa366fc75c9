"""Smoothing of changes of envelopes, against known ripples."""

import numpy as np
import pytest

from sanguinaria.conversions._smooth_change import smooth_change

BINS = 256


def ripple(number):
    """A cosine with so many half periods over the bins: the cepstrum has this coefficient alone."""
    return np.cos(np.pi * number * (np.arange(BINS) + 0.5) / BINS)


@pytest.mark.parametrize(("number", "kept"), [(0, 1), (3, 1), (11, 1), (12, 0), (40, 0)])
def test_ripples_are_kept_up_to_the_number_of_coefficients(number, kept):
    change = np.tile(ripple(number), (60, 1))
    smoothed = smooth_change(change, np.ones(60, dtype=bool), 12, 2.0)
    np.testing.assert_allclose(smoothed, kept * change, atol=1e-9)


def test_a_step_in_time_becomes_the_normal_distribution():
    change = np.zeros((101, BINS))
    change[51:] = 1.0
    smoothed = smooth_change(change, np.ones(101, dtype=bool), 12, 5.0)[:, 0]
    assert smoothed[50] + smoothed[51] == pytest.approx(1)
    assert smoothed[56] == pytest.approx(0.8643, abs=0.01)  # 1.1 deviations beyond the step
    assert (np.diff(smoothed) >= -1e-12).all()


def test_pauses_do_not_change():
    active = np.zeros(100, dtype=bool)
    active[:20] = True
    smoothed = smooth_change(np.ones((100, BINS)), active, 12, 3.0)
    np.testing.assert_allclose(smoothed[:5], 1, atol=1e-3)
    np.testing.assert_allclose(smoothed[40:], 0, atol=1e-9)
