"""What moves audio in time: resampling, speed, pitch, crops and shifts."""

import pytest
import torch

from tests.sounds import RATE, applied, built, frequency_of, speech, tone


def test_resampling_keeps_what_is_below_half_the_lower_rate_and_nothing_else():
    for frequency, kept in ((3000, 1), (5000, 0)):
        left = applied(tone(frequency), kind="resampling", rate=8000)[0, 4000:-4000]
        assert float(left.square().mean().sqrt() / (0.5 * 0.5**0.5)) == pytest.approx(kept, abs=0.01)
    there_and_back = applied(tone(3000), kind="resampling", rate=32000)
    torch.testing.assert_close(there_and_back[:, 100:-100], tone(3000)[:, 100:-100], atol=1e-3, rtol=0)


@pytest.mark.parametrize("rate", [44100, 11025, 1000])
def test_resampling_keeps_the_length(rate):
    assert applied(speech(2, 12347), kind="resampling", rate=rate).shape == (2, 12347)


@pytest.mark.parametrize("pitch_kept", [False, True])
@pytest.mark.parametrize("factor", [0.9, 1.1, 1.25])
def test_speed_changes_the_duration_and_as_a_tape_the_pitch(factor, pitch_kept):
    played = applied(tone(440), kind="speed", factor=factor, pitch_kept=pitch_kept)
    assert played.shape[-1] == round(2 * RATE / factor)
    assert frequency_of(played) == pytest.approx(440 if pitch_kept else 440 * factor, rel=1e-3)


@pytest.mark.parametrize("factor", [0.9, 1.1, 0.84])
def test_pitch_changes_a_tone_s_frequency_and_not_its_duration(factor):
    shifted = applied(tone(440), kind="pitch", factor=factor)
    assert shifted.shape == tone(440).shape
    assert frequency_of(shifted) == pytest.approx(440 * factor, rel=1e-3)


def test_what_a_crop_keeps_is_a_piece():
    x = torch.arange(100.0).expand(4, 100)
    for where, first in (("start", 0), ("middle", 10), ("end", 20)):
        assert torch.equal(applied(x, kind="cropping", kept=0.8, where=where)[0], torch.arange(first, first + 80.0))
    pieces = applied(x, kind="cropping", kept=0.8)
    assert torch.equal(pieces.diff(dim=-1), torch.ones(4, 79))
    assert len(pieces[:, 0].unique()) > 1


@pytest.mark.parametrize(("seconds", "samples"), [(0.001, 16), (-0.002, -32), (0, 0), (5, RATE)])
def test_a_shift_moves_an_utterance(seconds, samples):
    x = speech()
    shifted = applied(x, kind="time_shift", least=seconds, most=seconds)
    expected = torch.zeros_like(x)
    if samples < 0:
        expected[:, :samples] = x[:, -samples:]
    else:
        expected[:, samples:] = x[:, : RATE - samples]
    assert torch.equal(shifted, expected)


def test_shifts_are_drawn_between_two():
    impulse = torch.zeros(200, RATE)
    impulse[:, 8000] = 1
    places = applied(impulse, kind="time_shift", least=-0.01, most=0.02).argmax(-1) - 8000
    assert -160 <= int(places.min()) < -120 and 280 < int(places.max()) <= 320
    with pytest.raises(ValueError, match="more than `most`"):
        built(kind="time_shift", least=1, most=0)
