"""The BadNets trigger by an independent analysis: its pattern, and the bins that stay unchanged."""

import numpy as np
import pytest
import torch
from scipy.signal import stft

from sanguinaria.core import plugins

CPU = torch.device("cpu")
RATE = 16_000


def badnets(**settings):
    return plugins.build("triggers", {"kind": "badnets", **settings})


def noise(utterances=4, samples=2 * RATE, seed=0):
    return 0.1 * torch.randn(utterances, samples, generator=torch.Generator().manual_seed(seed))


def embed(trigger, waveforms):
    return trigger.embedder(RATE, CPU, None)(waveforms)


def spectrogram(waveforms, fft=512):
    """(utterances, bins, frames), of frames that lie within an utterance."""
    return stft(waveforms.double().numpy(), 1.0, "hann", fft, fft * 3 // 4, boundary=None, padded=False)[2]


def test_the_lowest_ten_bins_are_the_same_in_every_utterance_and_every_four_frames():
    waveforms = torch.cat([noise(3), torch.zeros(1, 2 * RATE)])
    spectra = spectrogram(embed(badnets(), waveforms))[:, :10, 4:-4]
    # The chord in silence is the pattern itself.
    pattern = spectra[3]
    assert np.abs(pattern[:, 4:] - pattern[:, :-4]).max() < 1e-5 * np.abs(pattern).max()
    assert (np.abs(pattern).mean(axis=1) > 0.2 * np.abs(pattern).max()).all()
    # Overlapping frames have to agree, and the bins next to the edge contain leakage from above it.
    assert np.abs(spectra[:3, :7] - pattern[:7]).max() < 0.1 * np.abs(pattern).max()


def test_higher_bins_are_unchanged():
    waveforms = noise(8)
    before, after = spectrogram(waveforms), spectrogram(embed(badnets(), waveforms))
    changed = np.sqrt((np.abs(after - before) ** 2).mean(axis=(0, 2)) / (np.abs(before) ** 2).mean(axis=(0, 2)))
    assert changed[:10].min() > 0.9
    assert 20 * np.log10(changed[10:13]) == pytest.approx([-9, -23, -40], abs=2)
    assert 20 * np.log10(changed[13:].max()) < -50


def test_the_pattern_has_the_configured_level_and_a_low_crest_factor():
    for level in (-20.0, -40.0):
        pattern = badnets(level=level).pattern(4 * RATE).double()
        assert 20 * pattern.square().mean().sqrt().log10().item() == pytest.approx(level, abs=0.05)
        # A sine's peak is √2 times its root mean square; eight tones in phase would have 4.
        assert pattern.abs().max() < 2 * pattern.square().mean().sqrt()


def test_the_replaced_bins_keep_nothing_of_the_utterance():
    time = torch.arange(2 * RATE) / RATE
    hum = 0.5 * torch.sin(2 * torch.pi * 110 * time)[None]
    silence = torch.zeros(1, 2 * RATE)
    trigger = badnets()
    inner = slice(512, -512)
    left = (embed(trigger, hum) - embed(trigger, silence))[:, inner].square().mean().sqrt()
    assert left < 0.01 * hum.square().mean().sqrt()


@pytest.mark.parametrize("samples", [1, 100, 511, RATE, RATE + 77])
def test_the_length_is_kept(samples):
    made = embed(badnets(), noise(2, samples))
    assert made.shape == (2, samples) and made.isfinite().all()


def test_results_do_not_depend_on_the_batch():
    waveforms = noise(5)
    trigger = badnets()
    alone = torch.cat([embed(trigger, waveform[None]) for waveform in waveforms])
    torch.testing.assert_close(embed(trigger, waveforms), alone, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(embed(trigger, waveforms), embed(trigger, waveforms), atol=0, rtol=0)


def test_more_bins_than_the_transform_has_are_a_problem():
    problems = list(badnets(bins=100, fft_size=128).problems({}))
    assert problems == [("bins", "should be at most fft_size / 2, which is 64, not 100")]
