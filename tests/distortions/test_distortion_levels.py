"""Gain, echo, sample suppression, quantisation and compression."""

import pytest
import torch

from tests.sounds import RATE, apply_distortion, decibels, speech, tone


def test_gain_and_echo_are_their_formulas():
    x = speech()
    torch.testing.assert_close(apply_distortion(x, kind="gain", factor=1.2), x * 1.2)
    impulse = torch.zeros(1, RATE)
    impulse[0, 100] = 1
    response = apply_distortion(impulse, kind="echo", delay=0.1, gain=0.3)
    assert response.nonzero()[:, 1].tolist() == [100, 100 + 1600]
    assert response[0, [100, 1700]].tolist() == pytest.approx([1, 0.3])
    assert torch.equal(apply_distortion(x[:, :1000], kind="echo"), x[:, :1000])  # shorter than the delay


def test_sample_suppression_sets_its_share_of_samples_to_0():
    ones = torch.ones(3, RATE)
    first, random = (
        apply_distortion(ones, kind="shush", share=0.01, position=position) for position in ("start", "random")
    )
    for suppressed in (first, random):
        assert (suppressed == 0).sum(-1).tolist() == [160] * 3
    assert not first[:, :160].any()
    positions = (random == 0).nonzero()[:, 1].reshape(3, 160).double()
    assert positions.mean() == pytest.approx(RATE / 2, rel=0.1)
    assert not torch.equal(positions[0], positions[1])


def test_nine_bits_are_512_levels():
    ramp = torch.linspace(-1, 1, 100_000)[None]
    quantised = apply_distortion(ramp, kind="quantisation", bits=9)
    assert len(quantised.unique()) == 2**9
    # Half a level, except at the upper end, where two's complement has one level less.
    assert float((quantised - ramp).abs()[:, :-500].max()) <= 2**-9 + 1e-7
    assert float(quantised.max()) == 1 - 2**-8


@pytest.mark.parametrize(("level", "expected"), [(-6, -16.5), (-12, -18), (-30, -30)])
def test_the_compressor_s_levels(level, expected):
    # A square wave, whose level is the same at all times: T + (L − T) / ratio above the threshold T of −20 dB.
    square = 10 ** (level / 20) * torch.sign(tone(250) + 1e-4)
    compressed = apply_distortion(square, kind="compressor", threshold=-20, ratio=4)[:, RATE:]
    assert float(decibels(compressed.square().mean())) == pytest.approx(expected, abs=0.05)
