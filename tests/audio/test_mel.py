"""Mel scales and filter banks, against formulas written out frequency by frequency."""

import math

import numpy as np
import pytest
import torch

from sanguinaria.audio.mel import htk_band_edges, htk_filters, htk_to_hertz, slaney_filters, slaney_to_hertz, triangles


def htk(hertz: float) -> float:
    """O'Shaughnessy's scale by its other form, 1127 · ln(1 + f / 700)."""
    return 2595 / math.log(10) * math.log1p(hertz / 700)


def slaney(hertz: float) -> float:
    """Slaney's scale: 3 mel for each 200 Hz below 1 kHz, and 27 mel for each factor of 6.4 above."""
    return 3 * hertz / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000, 6.4)


def inverse(scale, mel: float) -> float:
    """The frequency of a mel value, by bisection."""
    low, high = 0.0, 1e5
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if scale(middle) < mel else (low, middle)
    return low


def filter_bank(scale, frame: int, bands: int, sample_rate: int, lowest: float, highest: float) -> np.ndarray:
    """Triangles (bins, bands) of height 1, by linear interpolation between the corners."""
    mels = [scale(lowest) + n * (scale(highest) - scale(lowest)) / (bands + 1) for n in range(bands + 2)]
    corners = [inverse(scale, mel) for mel in mels]
    bins = [n * sample_rate / frame for n in range(frame // 2 + 1)]
    rows = [np.interp(bins, corners[n : n + 3], [0, 1, 0], left=0, right=0) for n in range(bands)]
    return np.stack(rows, 1)


@pytest.mark.parametrize(
    ("fft", "bands", "sample_rate", "lowest"), [(1024, 80, 16000, 0.0), (512, 80, 16000, 20.0), (256, 40, 8000, 0.0)]
)
def test_htk_filters_are_triangles_between_evenly_spaced_mels(fft, bands, sample_rate, lowest):
    expected = filter_bank(htk, fft, bands, sample_rate, lowest, sample_rate / 2)
    weights = htk_filters(fft, bands, sample_rate, lowest)
    assert weights.shape == (fft // 2 + 1, bands) and weights.dtype == torch.float32
    # It is computed in single precision, in which a mel is known to 0.0002.
    np.testing.assert_allclose(weights.numpy(), expected, atol=1e-3)
    # The same, in double precision.
    frequencies = np.linspace(0, sample_rate / 2, fft // 2 + 1)[:, None]
    edges = htk_band_edges(lowest, sample_rate / 2, bands + 2)
    np.testing.assert_allclose(triangles(frequencies, edges), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("sample_rate", "frame", "bands", "highest"),
    [(16000, 400, 40, 8000.0), (16000, 321, 120, 8000.0), (22050, 1024, 48, 20000.0)],
    ids=["even", "odd", "above half the sample rate"],
)
def test_slaney_filters_have_unit_area(sample_rate, frame, bands, highest):
    weights = slaney_filters(sample_rate, frame, bands, highest)
    expected = filter_bank(slaney, frame, bands, sample_rate, 0.0, highest).T
    mels = np.linspace(0, slaney(highest), bands + 2)
    widths = np.array([inverse(slaney, high) - inverse(slaney, low) for low, high in zip(mels, mels[2:], strict=False)])
    assert weights.shape == (bands, frame // 2 + 1) and weights.dtype == np.float64
    np.testing.assert_allclose(weights, 2 * expected / widths[:, None], atol=1e-9)


def test_mel_scales_are_inverted():
    for hertz in (0.0, 150.0, 999.0, 1001.0, 7000.0):
        assert float(htk_to_hertz(htk(hertz))) == pytest.approx(hertz, abs=1e-6)
        assert slaney_to_hertz(np.array([slaney(hertz)]))[0] == pytest.approx(hertz, abs=1e-9)


def test_cached_filters_do_not_depend_on_the_first_call():
    htk_filters.cache_clear()
    with torch.device("meta"), torch.inference_mode():
        first = htk_filters(512, 40, 16000)
    assert first.device.type == "cpu" and not first.is_inference()
    assert htk_filters(512, 40, 16000) is first
    # An inference tensor could not be saved for the backward pass.
    power = torch.ones(2, 257, requires_grad=True)
    (power @ first).sum().backward()
    torch.testing.assert_close(power.grad[0], first.sum(1))
