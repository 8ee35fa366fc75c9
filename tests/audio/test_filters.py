"""Filters as convolutions, against scipy's recursion."""

import numpy as np
import pytest
import torch
from scipy.signal import butter, sosfilt

from sanguinaria.audio.filters import convolve, low_pass_responses

RATE = 16_000
NOISE = np.random.default_rng(0).uniform(-1, 1, (4, 4000))


@pytest.mark.parametrize("cutoffs", [[3800.0] * 4, [3000.0, 3300.0, 3600.0, 4000.0]])
def test_the_convolution_equals_the_recursive_filter_of_each_row(cutoffs):
    expected = [
        sosfilt(butter(6, cutoff, fs=RATE, output="sos"), row) for cutoff, row in zip(cutoffs, NOISE, strict=True)
    ]
    filtered = convolve(torch.from_numpy(NOISE).float(), low_pass_responses(cutoffs, 6, RATE))
    assert filtered.shape == NOISE.shape
    np.testing.assert_allclose(filtered.numpy(), np.stack(expected), atol=1e-5)


@pytest.mark.parametrize("samples", [1, 100, 1025])
def test_waveforms_may_be_shorter_than_the_response(samples):
    expected = sosfilt(butter(6, 3800, fs=RATE, output="sos"), NOISE[:1, :samples])
    filtered = convolve(torch.from_numpy(NOISE[:1, :samples]).float(), low_pass_responses([3800], 6, RATE))
    np.testing.assert_allclose(filtered.numpy(), expected, atol=1e-5)


def test_an_empty_batch():
    assert convolve(torch.zeros(0, 100), low_pass_responses([3800], 6, RATE)).shape == (0, 100)


def test_the_gradient_is_the_response():
    responses = low_pass_responses([3500.0], 6, RATE)
    waveform = torch.zeros(1, 2000, requires_grad=True)
    convolve(waveform, responses)[0, 1500].backward()
    torch.testing.assert_close(waveform.grad[0, 1500 - 1023 : 1501], responses[0].flip(0), atol=1e-6, rtol=1e-4)
