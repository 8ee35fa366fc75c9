"""Codecs: time alignment, bit rate and quality."""

import numpy as np
import pytest

from sanguinaria.audio import codecs
from sanguinaria.core.errors import InputError
from tests.sounds import RATE, apply_distortion, build_distortion, lag, speech


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
@pytest.mark.parametrize("form", ["mp3", "aac", "opus", "vorbis"])
def test_a_codec_is_time_aligned(form, rate):
    strength = {"quality": 0.5} if form == "vorbis" else {"bit_rate": 32}
    x = speech(1, rate - 7, rate)
    decoded = apply_distortion(x, rate, kind="codec", format=form, **strength)
    assert decoded.shape == x.shape
    before, after = x[0].numpy(), decoded[0].numpy()
    assert lag(before, after) == 0
    assert np.corrcoef(before, after)[0, 1] > 0.85


@pytest.mark.parametrize("form", ["mp3", "aac", "opus"])
@pytest.mark.parametrize("bit_rate", [16, 32])
def test_a_codec_has_its_bit_rate(form, bit_rate):
    seconds = 20
    size = len(codecs.encode(speech(1, seconds * RATE)[0].numpy(), RATE, form, bit_rate))
    assert size * 8 / seconds / 1000 == pytest.approx(bit_rate, rel=0.15)


@pytest.mark.parametrize("form", ["mp3", "aac", "opus"])
def test_the_error_falls_with_the_bit_rate(form):
    x = speech()
    errors = [
        float((apply_distortion(x, kind="codec", format=form, bit_rate=rate) - x).square().mean())
        for rate in (16, 32, 64)
    ]
    assert errors == sorted(errors, reverse=True)


def test_the_error_falls_with_the_quality_of_vorbis():
    x = speech()
    errors = [
        float((apply_distortion(x, kind="codec", format="vorbis", quality=q) - x).square().mean()) for q in (0, 0.5, 1)
    ]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize(
    "settings",
    [{"format": "mp3"}, {"format": "vorbis", "bit_rate": 32}, {"format": "aac", "bit_rate": 8, "quality": 1}],
)
def test_a_codec_needs_its_own_rate_control_and_no_other(settings):
    with pytest.raises(ValueError, match="needs `"):
        build_distortion(kind="codec", **settings)


def test_the_error_of_a_missing_encoder_names_the_package(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(InputError, match="pip install av"):
        apply_distortion(speech(), kind="codec", format="aac", bit_rate=32)
