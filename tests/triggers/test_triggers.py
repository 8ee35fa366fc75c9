"""Triggers against their definitions."""

import numpy as np
import pytest
import torch

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.watermarks import NO_SOURCES
from sanguinaria.watermarks._weights import load_marker, save_weights

CPU = torch.device("cpu")
RATE = 16000


def ultrasonic(**settings):
    return plugins.build("triggers", {"kind": "ultrasonic", **settings})


def test_the_tone_has_the_configured_frequency_and_level():
    tone = ultrasonic(frequency=7000, level=-20).tone(RATE, RATE).double().numpy()
    spectrum = np.abs(np.fft.rfft(tone[1000:9000]))  # 8,000 samples: bins of 2 Hz, clear of the fades
    assert np.argmax(spectrum) * 2 == 7000
    # The amplitude of a sine that fits its window is 2|X|/N; −20 dBFS is a tenth of full scale.
    assert 2 * spectrum.max() / 8000 == pytest.approx(0.1, rel=1e-4)
    assert np.abs(tone).max() == pytest.approx(0.1, rel=1e-3)


def test_the_same_tone_is_added_to_every_utterance():
    waveforms = torch.randn(3, RATE) * 0.1
    trigger = ultrasonic()
    added = trigger.embedder(RATE, CPU, None)(waveforms) - waveforms
    torch.testing.assert_close(added, trigger.tone(RATE, RATE).expand(3, -1), atol=1e-7, rtol=0)


@pytest.mark.parametrize(("position", "start"), [("start", 0), ("middle", 6000), ("end", 12000)])
def test_the_position_of_a_short_tone(position, start):
    tone = ultrasonic(share=0.25, position=position).tone(RATE, RATE)
    sounding = torch.nonzero(tone).flatten()
    assert start <= sounding[0] <= start + 2
    assert start + 4000 - 3 <= sounding[-1] < start + 4000


@pytest.mark.parametrize("position", ["start", "middle", "end"])
def test_five_pieces_have_the_duration_of_one_tone(position):
    tone = ultrasonic(share=0.5, form="pieces", position=position).tone(RATE, RATE)
    pieces = tone.abs().reshape(5, RATE // 5)  # each fifth of the clip holds one piece
    for piece in pieces:
        sounding = torch.nonzero(piece).flatten()
        assert len(range(int(sounding[0]), int(sounding[-1]) + 1)) == pytest.approx(RATE // 10, abs=4)
    first = int(torch.nonzero(pieces[0]).flatten()[0])
    assert first == pytest.approx({"start": 0, "middle": 800, "end": 1600}[position], abs=3)


def test_the_tone_does_not_click():
    tone = ultrasonic(frequency=7000, level=0, share=0.5).tone(RATE, RATE).double().numpy()
    power = np.abs(np.fft.rfft(tone)) ** 2
    assert power[:5000].sum() < 1e-4 * power.sum()  # bins of 1 Hz: nearly no energy below 5 kHz


def test_a_tone_above_half_the_sample_rate_is_refused():
    with pytest.raises(InputError, match=r"21000 Hz is not below half the sample rate of 16000 Hz"):
        ultrasonic(frequency=21000).embedder(RATE, CPU, None)


@pytest.fixture(scope="module")
def perth_weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("perth") / "weights.safetensors"
    save_weights(plugins.build("watermarks", {"kind": "perth"}), NO_SOURCES, path)
    return path


def test_strength_is_a_gain_on_the_watermark(perth_weights):
    waveforms = torch.randn(2, RATE, generator=torch.Generator().manual_seed(0)) * 0.1
    marks = []
    for strength in (1.0, 3.0):
        trigger = plugins.build("triggers", {"kind": "watermark", "watermark": "perth", "strength": strength})
        marks.append(trigger.embedder(RATE, CPU, perth_weights)(waveforms) - waveforms)
    torch.testing.assert_close(marks[1], 3 * marks[0], atol=1e-6, rtol=1e-4)
    direct = load_marker(perth_weights, RATE, CPU).watermark(waveforms, None)
    torch.testing.assert_close(marks[0], direct, atol=1e-6, rtol=1e-4)


def test_the_message_reaches_the_generator(tmp_path):
    settings = {"kind": "audioseal", "source": "random", "filters": 4, "dimension": 16, "lstm": 0, "bits": 4}
    path = tmp_path / "weights.safetensors"
    save_weights(plugins.build("watermarks", settings | {"precision": "float32"}), NO_SOURCES, path)
    waveforms = torch.randn(1, RATE, generator=torch.Generator().manual_seed(0)) * 0.1

    def marked(message):
        trigger = {"kind": "watermark", "watermark": "any", "message": message}
        return plugins.build("triggers", trigger).embedder(RATE, CPU, path)(waveforms)

    torch.testing.assert_close(marked("0110"), marked("0110"), atol=0, rtol=0)
    assert (marked("0110") - marked("1001")).abs().max() > 1e-6


def test_the_detector_is_the_watermark_s(perth_weights):
    trigger = plugins.build("triggers", {"kind": "watermark", "watermark": "perth", "strength": 5.0})
    waveforms = torch.randn(2, RATE, generator=torch.Generator().manual_seed(0)) * 0.1
    scores, bits = trigger.detector(RATE, CPU, perth_weights)(waveforms)
    expected = load_marker(perth_weights, RATE, CPU).detect(waveforms)
    torch.testing.assert_close((scores, bits), expected, atol=0, rtol=0)
    assert scores.shape == (2,) and bits.shape == (2, 0)


def test_payload_and_detector_of_a_watermark_trigger():
    marked, silent = (
        plugins.build("triggers", {"kind": "watermark", "watermark": "any", **message})
        for message in ({"message": "0110"}, {})
    )
    assert (marked.has_detector, marked.payload) == (True, "0110")
    assert (silent.has_detector, silent.payload) == (True, "")
    assert (ultrasonic().has_detector, ultrasonic().payload) == (False, "")


def test_the_baseline_is_the_identity():
    trigger = plugins.build("triggers", {"kind": "none"})
    waveforms = torch.randn(2, 100)
    assert trigger.is_identity
    assert trigger.embedder(RATE, CPU, None)(waveforms) is waveforms
