import pytest
import torch

from sanguinaria.audio.reflect_padding import reflect_pad, reflect_padded_stft


@pytest.mark.parametrize("beyond", [0, 1, 3, 4])
def test_it_is_what_torch_calls_reflect(beyond):
    signals = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    others = signals.detach().clone().requires_grad_()
    found, expected = reflect_pad(signals, beyond), torch.nn.functional.pad(others, (beyond, beyond), mode="reflect")
    assert torch.equal(found, expected)
    weights = torch.randn_like(found)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    assert torch.allclose(signals.grad, others.grad, rtol=0, atol=1e-15)


def test_a_signal_cannot_be_mirrored_beyond_itself():
    with pytest.raises(ValueError, match="padding of 5 samples needs longer signals than 5 samples"):
        reflect_pad(torch.zeros(1, 5), 5)


@pytest.mark.parametrize("samples", [700, 1024])
def test_spectra_are_those_of_torch(samples):
    waveforms, window = torch.randn(2, samples), torch.hann_window(512)
    found = reflect_padded_stft(waveforms, window, 128)
    expected = torch.stft(waveforms, 512, 128, window=window, normalized=True, return_complex=True)
    assert torch.equal(found, expected)
