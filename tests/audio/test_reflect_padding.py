"""Reflect padding against torch's."""

import pytest
import torch

from sanguinaria.audio.reflect_padding import reflect_pad, reflect_padded_stft


@pytest.mark.parametrize("padding", [0, 1, 3, 4])
def test_values_and_gradients_are_those_of_torch(padding):
    signals = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    copies = signals.detach().clone().requires_grad_()
    padded = reflect_pad(signals, padding)
    expected = torch.nn.functional.pad(copies, (padding, padding), mode="reflect")
    assert torch.equal(padded, expected)
    weights = torch.randn_like(padded)
    (padded * weights).sum().backward()
    (expected * weights).sum().backward()
    assert torch.allclose(signals.grad, copies.grad, rtol=0, atol=1e-15)


def test_padding_as_long_as_the_signal_is_an_error():
    with pytest.raises(ValueError, match="padding of 5 samples needs longer signals than 5 samples"):
        reflect_pad(torch.zeros(1, 5), 5)


@pytest.mark.parametrize("samples", [700, 1024])
def test_spectra_are_those_of_torch(samples):
    waveforms, window = torch.randn(2, samples), torch.hann_window(512)
    spectra = reflect_padded_stft(waveforms, window, 128)
    expected = torch.stft(waveforms, 512, 128, window=window, normalized=True, return_complex=True)
    assert torch.equal(spectra, expected)
