"""Resampling, speed, pitch, cropping and time shifts."""

import pytest
import torch

from tests.sounds import RATE, apply_distortion, build_distortion, frequency_of, speech, tone


def test_resampling_preserves_frequencies_below_half_the_lower_rate_alone():
    for frequency, gain in ((3000, 1), (5000, 0)):
        resampled = apply_distortion(tone(frequency), kind="resampling", rate=8000)[0, 4000:-4000]
        assert float(resampled.square().mean().sqrt() / (0.5 * 0.5**0.5)) == pytest.approx(gain, abs=0.01)
    upsampled = apply_distortion(tone(3000), kind="resampling", rate=32000)
    torch.testing.assert_close(upsampled[:, 100:-100], tone(3000)[:, 100:-100], atol=1e-3, rtol=0)


@pytest.mark.parametrize("rate", [44100, 11025, 1000])
def test_resampling_keeps_the_length(rate):
    assert apply_distortion(speech(2, 12347), kind="resampling", rate=rate).shape == (2, 12347)


@pytest.mark.parametrize("preserve_pitch", [False, True])
@pytest.mark.parametrize("factor", [0.9, 1.1, 1.25])
def test_speed_changes_the_duration_and_unless_preserved_the_pitch(factor, preserve_pitch):
    changed = apply_distortion(tone(440), kind="speed", factor=factor, preserve_pitch=preserve_pitch)
    assert changed.shape[-1] == round(2 * RATE / factor)
    assert frequency_of(changed) == pytest.approx(440 if preserve_pitch else 440 * factor, rel=1e-3)


@pytest.mark.parametrize("factor", [0.9, 1.1, 0.84])
def test_pitch_changes_a_tone_s_frequency_and_not_its_duration(factor):
    shifted = apply_distortion(tone(440), kind="pitch", factor=factor)
    assert shifted.shape == tone(440).shape
    assert frequency_of(shifted) == pytest.approx(440 * factor, rel=1e-3)


def test_a_crop_is_contiguous_and_at_its_position():
    x = torch.arange(100.0).expand(4, 100)
    for position, first in (("start", 0), ("middle", 10), ("end", 20)):
        assert torch.equal(
            apply_distortion(x, kind="cropping", kept_share=0.8, position=position)[0],
            torch.arange(first, first + 80.0),
        )
    crops = apply_distortion(x, kind="cropping", kept_share=0.8)
    assert torch.equal(crops.diff(dim=-1), torch.ones(4, 79))
    assert len(crops[:, 0].unique()) > 1


@pytest.mark.parametrize(("seconds", "samples"), [(0.001, 16), (-0.002, -32), (0, 0), (5, RATE)])
def test_a_time_shift_delays_an_utterance(seconds, samples):
    x = speech()
    shifted = apply_distortion(x, kind="time_shift", minimum=seconds, maximum=seconds)
    expected = torch.zeros_like(x)
    if samples < 0:
        expected[:, :samples] = x[:, -samples:]
    else:
        expected[:, samples:] = x[:, : RATE - samples]
    assert torch.equal(shifted, expected)


def test_delays_are_drawn_between_the_bounds():
    impulse = torch.zeros(200, RATE)
    impulse[:, 8000] = 1
    delays = apply_distortion(impulse, kind="time_shift", minimum=-0.01, maximum=0.02).argmax(-1) - 8000
    assert -160 <= int(delays.min()) < -120 and 280 < int(delays.max()) <= 320
    with pytest.raises(ValueError, match="more than `maximum`"):
        build_distortion(kind="time_shift", minimum=1, maximum=0)
