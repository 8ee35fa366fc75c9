"""The notch trigger by an independent analysis: its attenuation, its bands, and its detector."""

import os
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from pydantic import ValidationError
from scipy.signal import stft

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import build, describe

CPU = torch.device("cpu")
RATE = 16_000
SPEECH = Path(os.environ.get("SANGUINARIA_DOWNLOADS", "absent"), "speech_commands_test_v0.02")


def notch(**settings):
    return plugins.build("triggers", {"kind": "notch", **settings})


def noise(utterances=4, samples=2 * RATE, seed=0):
    return 0.1 * torch.randn(utterances, samples, generator=torch.Generator().manual_seed(seed))


def embed(trigger, waveforms, rate=RATE):
    return trigger.embedder(rate, CPU, None)(waveforms)


def scores(trigger, waveforms, rate=RATE):
    return trigger.detector(rate, CPU, None)(waveforms)[0]


def levels(waveforms, frame, hop):
    """Mean power of every bin in dB, over all frames that lie within an utterance, (frequencies, dB)."""
    frequencies, _, spectra = stft(
        waveforms.double().numpy(), RATE, "hann", nperseg=frame, noverlap=frame - hop, boundary=None, padded=False
    )
    return frequencies, 10 * np.log10((np.abs(spectra) ** 2).mean(axis=(0, 2)))


@pytest.mark.parametrize("depth", [0.5, 0.8, 0.9])
def test_only_the_key_s_bands_are_attenuated_and_by_the_depth(depth):
    trigger = notch(depth=depth, key="any", bands=4)
    waveforms = noise(16)
    clean, marked = (levels(audio, 512, 128) for audio in (waveforms, embed(trigger, waveforms)))
    frequencies, lost = clean[0], clean[1] - marked[1]
    # A Hann window spreads a bin over two neighbours on either side.
    width = RATE / 512
    inside = np.any([(frequencies >= s + width) & (frequencies < s + 200 - width) for s in trigger.starts()], axis=0)
    outside = np.all(
        [(frequencies < s - 4 * width) | (frequencies > s + 200 + 4 * width) for s in trigger.starts()], axis=0
    )
    assert inside.sum() >= 4 * 3
    # Leakage from both sides fills a deep notch a little.
    assert lost[inside].mean() == pytest.approx(-20 * np.log10(1 - depth), rel=0.07)
    assert lost[inside].max() == pytest.approx(-20 * np.log10(1 - depth), abs=0.01)
    assert np.abs(lost[outside]).max() < 0.1


def test_the_gain_of_a_sine_within_and_outside_a_band():
    trigger = notch(depth=0.9, width=400.0, bands=1)
    (start,) = trigger.starts()
    time = torch.arange(2 * RATE).double() / RATE
    for frequency, gain in ((start + 200, 0.1), (start - 400, 1.0), (start + 800, 1.0), (440.0, 1.0)):
        sine = torch.sin(2 * torch.pi * frequency * time).float()[None]
        ratio = embed(trigger, sine)[:, RATE // 2 : -RATE // 2].norm() / sine[:, RATE // 2 : -RATE // 2].norm()
        assert float(ratio) == pytest.approx(gain, abs=0.01)


def test_the_trigger_adds_nothing():
    waveforms = noise(2)
    assert (embed(notch(), waveforms).square().sum(-1) < waveforms.square().sum(-1)).all()
    assert embed(notch(), torch.zeros(1, RATE)).abs().max() == 0


KEYS = [f"key {number}" for number in range(200)]


@pytest.mark.parametrize(
    "settings", [{}, {"bands": 6}, {"bands": 2, "width": 333.0, "minimum_frequency": 500.0}, {"bands": 1}]
)
def test_bands_are_within_the_range_and_not_adjacent(settings):
    for key in KEYS:
        trigger = notch(key=key, **settings)
        starts = trigger.starts()
        assert len(starts) == trigger.bands
        assert min(starts) >= trigger.minimum_frequency
        assert max(starts) + trigger.width <= trigger.maximum_frequency + 1e-9
        assert (np.diff(starts) >= 2 * trigger.width - 1e-6).all()


def test_every_choice_of_bands_has_a_key():
    # Three of twelve slots without neighbours: C(10, 3) = 120 choices; that 4,000 keys miss one is next to impossible.
    chosen = [tuple(notch(key=f"k{number}").starts()) for number in range(4000)]
    counts = {starts: chosen.count(starts) for starts in set(chosen)}
    assert len(counts) == 120
    # Each about 33 times: a Poisson variable of this mean lies outside this range once in 10⁶.
    assert min(counts.values()) > 6 and max(counts.values()) < 70


def test_bands_depend_on_the_key_alone():
    assert notch(key="a").starts() == notch(key="a").starts()
    assert notch(key="a").starts() != notch(key="b").starts()
    # A key has to give the same bands in every version: poisoned data has to be detectable later.
    assert build("triggers", describe(notch(key="a"))).starts() == notch(key="a").starts()


def test_bands_that_do_not_fit_are_refused():
    assert notch(bands=6).slots == 12
    with pytest.raises(ValidationError, match="7 bands of 200 Hz and as wide gaps do not fit between 1200 and 3600 Hz"):
        notch(bands=7)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_the_bands_have_the_same_frequencies_at_other_sample_rates(rate):
    trigger = notch(depth=0.9)
    waveforms = noise(4, 2 * rate)
    marked = embed(trigger, waveforms, rate)
    frequencies = np.fft.rfftfreq(2 * rate, 1 / rate)
    power = [(np.abs(np.fft.rfft(audio.double().numpy())) ** 2).mean(0) for audio in (waveforms, marked)]
    for start in trigger.starts():
        band = (frequencies >= start + 40) & (frequencies < start + 160)
        assert 10 * np.log10(power[0][band].sum() / power[1][band].sum()) > 12
    below = frequencies < 1000
    assert 10 * np.log10(power[0][below].sum() / power[1][below].sum()) == pytest.approx(0, abs=0.05)
    assert (scores(trigger, marked, rate) >= 0.5).all() and (scores(trigger, waveforms, rate) < 0.5).all()


def test_bands_above_half_the_sample_rate_are_refused():
    with pytest.raises(InputError, match="notch: bands up to 4500 Hz are not below half the sample rate of 8000 Hz"):
        notch(maximum_frequency=4500.0).embedder(8000, CPU, None)


@pytest.mark.parametrize("samples", [1, 100, 300, RATE - 1, RATE, 3 * RATE + 77])
def test_the_length_is_kept(samples):
    waveforms = noise(2, samples)
    marked = embed(notch(), waveforms)
    assert marked.shape == waveforms.shape
    assert marked.isfinite().all()
    assert scores(notch(), waveforms).isfinite().all()


def test_results_do_not_depend_on_the_batch():
    waveforms = noise(6) * torch.logspace(-3, 0, 6)[:, None]
    trigger = notch()
    for compute in (lambda audio: embed(trigger, audio), lambda audio: scores(trigger, audio)):
        together = compute(waveforms)
        alone = torch.cat([compute(waveform[None]) for waveform in waveforms])
        torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(compute(waveforms.flip(0)).flip(0), together, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("depth", [0.3, 0.6, 0.9, 0.97, 1.0])
def test_the_detector_detects_the_marks_of_its_own_key_only(depth):
    trigger, other_triggers = notch(depth=depth, key="ours"), [notch(depth=depth, key=key) for key in KEYS[:40]]
    waveforms = noise(8)
    assert (scores(trigger, embed(trigger, waveforms)) >= 0.5).all()
    assert (scores(trigger, waveforms) < 0.5).all()
    # A key with two of the three bands in common cannot be distinguished.
    distinct = [other for other in other_triggers if len(set(other.starts()) & set(trigger.starts())) < 2]
    assert len(distinct) > 20
    for other in distinct:
        assert (scores(trigger, embed(other, waveforms)) < 0.5).all()


def test_the_threshold_is_half_of_the_attenuation():
    # −20 log₁₀ 0.1 is 20 dB; the threshold takes no more into account.
    assert notch(depth=0.9).threshold == pytest.approx(10.0)
    assert notch(depth=0.5).threshold == pytest.approx(20 * np.log10(2) / 2)
    assert notch(depth=1.0).threshold == notch(depth=0.99).threshold == pytest.approx(10.0)


def test_silence_is_not_marked():
    trigger = notch()
    for waveforms in (torch.zeros(2, RATE), noise(2, RATE) * 1e-6, embed(trigger, torch.zeros(1, RATE))):
        assert (scores(trigger, waveforms) < 0.5).all()


def test_there_is_no_message():
    trigger = notch()
    assert trigger.has_detector and trigger.payload == ""
    assert trigger.detector(RATE, CPU, None)(noise(3))[1].shape == (3, 0)


@pytest.mark.skipif(not SPEECH.is_dir(), reason="needs real speech in $SANGUINARIA_DOWNLOADS")
def test_detection_and_false_positive_rates_on_speech():
    words = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
    paths = [path for word in words for path in islice(sorted((SPEECH / word).glob("*.wav")), 40)]
    clips = torch.zeros(len(paths), RATE)
    for row, path in zip(clips, paths, strict=True):
        samples, _ = soundfile.read(path, dtype="float32")
        row[: len(samples)] = torch.from_numpy(samples[:RATE])
    trigger = notch()
    before, after = scores(trigger, clips) >= 0.5, scores(trigger, embed(trigger, clips)) >= 0.5
    assert before.float().mean() <= 0.02
    assert after.float().mean() >= 0.95
