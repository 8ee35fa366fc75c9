"""Eq. 1–4 of Bloodroot, by hand and in numpy."""

import numpy as np
import pytest
import torch

from sanguinaria.watermarks.bloodroot_ft import losses as bloodroot_losses

CPU = torch.device("cpu")
RATE = 16_000
CLEAN, OTHER = 0.1 * np.random.default_rng(0).standard_normal((2, 2, 3000))


def tensor(audio):
    return torch.from_numpy(audio).float()


def magnitudes(audio, size, hop):
    """(utterances, frames, bins) of centred frames, zeros around, under a periodic Hann window."""
    padded = np.pad(audio, ((0, 0), (size // 2, size // 2)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size, axis=1)[:, ::hop]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    return np.abs(np.fft.rfft(frames * window))


def triangles(bands, size):
    """Mel filters (bins, bands) of height 1, corners evenly spread on the mel scale of 2595 log10(1 + f / 700)."""
    corners = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), bands + 2) / 2595) - 1)
    bins = np.linspace(0, RATE / 2, size // 2 + 1)
    filters = [np.interp(bins, corners[band : band + 3], [0, 1, 0]) for band in range(bands)]
    return np.stack(filters, axis=1)


def test_the_papers_weights():
    expected = {"supervised": 20_000, "stft": 10, "mel": 10, "amplitude": 0.1}
    assert expected == bloodroot_losses.WEIGHTS


def test_supervised_by_hand():
    watermark, target = torch.tensor([[1.0, -2.0], [0.0, 4.0]]), torch.tensor([[0.0, 2.0], [0.5, 1.0]])
    assert float(bloodroot_losses.supervised(watermark, target)) == (1 + 4 + 0.5 + 3) / 4


def test_amplitude_by_hand():
    assert float(bloodroot_losses.amplitude(torch.tensor([[1.0, -2.0, 0.0], [0.0, 3.0, 1.0]]))) == 15 / 6


def test_multi_scale_stft_in_numpy():
    expected = []
    for size in (512, 1024, 2048):
        marked, clean = (magnitudes(audio, size, size // 4) for audio in (OTHER, CLEAN))
        logarithms = np.log(marked + 1e-5) - np.log(clean + 1e-5)
        expected.append(np.abs(marked - clean).mean() + np.abs(logarithms).mean())
    loss = bloodroot_losses.multi_scale_stft(tensor(OTHER), tensor(CLEAN))
    assert float(loss) == pytest.approx(np.mean(expected), rel=1e-4)


def test_log_mel_distance_in_numpy():
    filters = triangles(64, 1024)
    marked, clean = (10 * np.log10(magnitudes(a, 1024, 256) ** 2 @ filters + 1e-5) for a in (OTHER, CLEAN))
    distance = bloodroot_losses.log_mel_distance(RATE, CPU)(tensor(OTHER), tensor(CLEAN))
    assert float(distance) == pytest.approx(np.abs(marked - clean).mean(), rel=1e-3)


@pytest.mark.parametrize("gain_db", [-12.0, 0.5, 6.0])
def test_the_log_mel_distance_of_a_gain_is_the_gain(gain_db):
    loud = tensor(10 * CLEAN)
    distance = bloodroot_losses.log_mel_distance(RATE, CPU)(loud * 10 ** (gain_db / 20), loud)
    assert float(distance) == pytest.approx(abs(gain_db), abs=1e-2)


@pytest.mark.parametrize("audio", [tensor(CLEAN), torch.zeros(2, 3000)])
def test_equal_audio_costs_nothing(audio):
    assert bloodroot_losses.multi_scale_stft(audio, audio) == 0
    assert bloodroot_losses.log_mel_distance(RATE, CPU)(audio, audio) == 0


def test_a_mark_in_digital_silence_has_a_finite_gradient():
    marks = (1e-3 * tensor(OTHER)).requires_grad_()
    silence = torch.zeros(2, 3000)
    losses = [
        loss(marks, silence)
        for loss in (bloodroot_losses.multi_scale_stft, bloodroot_losses.log_mel_distance(RATE, CPU))
    ]
    sum(losses).backward()
    assert marks.grad.isfinite().all()
