"""Conversions by independent measures: pitch by autocorrelation, spectra by Welch's method, timing and length."""

import numpy as np
import pytest
import torch
from scipy.signal import lfilter, welch

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError

CPU = torch.device("cpu")
RATE = 16_000
KINDS = ("world", "knn")


def conversion(kind, **settings):
    return plugins.build("conversions", {"kind": kind, **settings})


def convert(kind, target, waveforms, **settings):
    return conversion(kind, **settings).converter(target, RATE, CPU)(waveforms)


def vowel(pitch, formants, seconds=1.0, seed=0, movement=0.06):
    """Pulses with a gliding pitch through resonances: a voice whose pitch and formants, in Hz, are known."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    f0 = pitch * np.exp(movement * np.sin(2 * np.pi * 1.7 * time + random.uniform(0, 6)))
    phase = np.cumsum(f0) / RATE
    sound = np.diff(np.floor(phase), prepend=0.0) + 0.003 * random.standard_normal(len(time))
    for formant in formants:
        pole = np.exp(-np.pi * 90 / RATE + 2j * np.pi * formant / RATE)
        sound = lfilter([1], np.real(np.poly([pole, pole.conjugate()])), sound)
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


LOW = vowel(110, (700, 1200, 2500), seed=1)
HIGH = vowel(210, (500, 1900, 3100), seconds=1.5, seed=2)


def pitch_of(waveform):
    """Geometric mean over frames of 40 ms of the first of the highest peaks of the autocorrelation, in Hz."""
    frequencies = []
    for start in range(1600, len(waveform) - 2400, 400):
        frame = waveform[start : start + 640].astype(float) * np.hanning(640)
        likeness = np.correlate(frame, frame, "full")[640:]
        lags = np.arange(40, 267)  # 60 to 400 Hz
        near = likeness[lags - 1] / (1 - lags / 640)
        first = next(lag for lag, value in zip(lags, near, strict=True) if value > 0.9 * near.max())
        window = slice(first, first + 12)
        frequencies.append(RATE / (first + int(np.argmax(likeness[window.start - 1 : window.stop - 1]))))
    return float(np.exp(np.median(np.log(frequencies))))


def spectrum(waveform):
    """dB in bands of 250 Hz up to 6 kHz, relative to the whole."""
    power = welch(waveform, RATE, nperseg=1024)[1][: 16 * 24].reshape(24, 16).sum(axis=1)
    return 10 * np.log10(power / power.sum())


def distance(first, second):
    return float(np.abs(spectrum(first) - spectrum(second)).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_the_pitch_becomes_the_target_s(kind):
    assert pitch_of(LOW) == pytest.approx(110, rel=0.04) and pitch_of(HIGH) == pytest.approx(210, rel=0.04)
    for source, target in ((LOW, HIGH), (HIGH, LOW)):
        made = convert(kind, target, torch.from_numpy(source)[None])[0].numpy()
        assert pitch_of(made) == pytest.approx(pitch_of(target), rel=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_the_spectrum_becomes_the_target_s(kind):
    before = distance(LOW, HIGH)
    made = convert(kind, HIGH, torch.from_numpy(LOW)[None])[0].numpy()
    assert before > 6
    assert distance(made, HIGH) < 0.4 * before
    assert distance(made, LOW) > 0.6 * before


@pytest.mark.parametrize("kind", KINDS)
def test_conversion_to_the_same_voice_changes_little(kind):
    made = convert(kind, LOW, torch.from_numpy(LOW)[None], **({"neighbours": 1} if kind == "knn" else {}))[0].numpy()
    assert pitch_of(made) == pytest.approx(pitch_of(LOW), rel=0.02)
    assert distance(made, LOW) < 1.5


PATH = {"neighbours": 12, "join_cost": 1.0, "normalisation": "target", "smoothing": 30.0}


@pytest.mark.parametrize("settings", [PATH | {"smoothing": 0.0}, PATH])
def test_a_path_through_the_target_s_frames_has_its_pitch_and_spectrum(settings):
    made = convert("knn", HIGH, torch.from_numpy(LOW)[None], **settings)[0].numpy()
    assert pitch_of(made) == pytest.approx(pitch_of(HIGH), rel=0.05)
    assert distance(made, HIGH) < 0.5 * distance(LOW, HIGH)


def test_a_warped_voice_has_the_target_s_pitch_and_its_own_voice_stays():
    warped = {"spectrum": "warp"}
    made, same = (convert("world", target, torch.from_numpy(LOW)[None], **warped)[0].numpy() for target in (HIGH, LOW))
    assert pitch_of(made) == pytest.approx(pitch_of(HIGH), rel=0.05)
    assert distance(made, HIGH) < distance(LOW, HIGH)
    assert distance(same, LOW) < 1.5


@pytest.mark.parametrize("settings", [PATH | {"smoothing": 0.0}, PATH])
def test_a_path_through_the_same_speech_is_that_speech(settings):
    made = convert("knn", LOW, torch.from_numpy(LOW)[None], **settings)[0].numpy()
    assert pitch_of(made) == pytest.approx(pitch_of(LOW), rel=0.02)
    assert distance(made, LOW) < 1.5


@pytest.mark.parametrize("kind", KINDS)
def test_the_timing_is_kept(kind):
    source = np.concatenate([np.zeros(4000, np.float32), LOW[:6000], np.zeros(6000, np.float32)])
    made = convert(kind, HIGH, torch.from_numpy(source)[None])[0].numpy()
    assert made.shape == source.shape
    inside = np.square(made[3500:10500]).sum() / np.square(made).sum()
    assert inside > 0.999


@pytest.mark.parametrize("kind", KINDS)
def test_results_do_not_depend_on_the_batch_and_are_repeatable(kind):
    waveforms = torch.from_numpy(np.stack([LOW, HIGH[:RATE], vowel(150, (600, 1500, 2600), seed=3)]))
    apply = conversion(kind).converter(HIGH, RATE, CPU)
    together = apply(waveforms)
    alone = torch.cat([apply(waveform[None]) for waveform in waveforms.flip(0)]).flip(0)
    torch.testing.assert_close(together, alone, atol=0, rtol=0)
    assert together.dtype == torch.float32 and together.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_change_differs_between_utterances(kind):
    waveforms = torch.from_numpy(np.stack([LOW, vowel(110, (700, 1200, 2500), seed=9)]))
    added = convert(kind, HIGH, waveforms) - waveforms
    assert abs(torch.corrcoef(added)[0, 1]) < 0.2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("samples", [1, 100, 1000, RATE + 77])
def test_any_length_and_noise_are_converted(kind, samples):
    noise = 0.1 * torch.randn(2, samples, generator=torch.Generator().manual_seed(0))
    made = convert(kind, HIGH, noise)
    assert made.shape == noise.shape and made.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_without_a_voice_is_an_error(kind):
    hiss = 0.1 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    with pytest.raises(InputError, match=f"^{kind}: the target's speech has too few voiced frames"):
        conversion(kind).converter(hiss, RATE, CPU)


def test_fewer_frames_than_neighbours_are_an_error():
    with pytest.raises(
        InputError, match=r"^knn: 100 neighbours are configured, and it has \d\d frames that are no pause"
    ):
        conversion("knn", neighbours=100).converter(LOW[:5000], RATE, CPU)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_rate_below_the_vocoder_s_minimum_is_an_error(kind):
    with pytest.raises(InputError, match="needs 8000 Hz or more, and the audio has 4000 Hz"):
        conversion(kind).converter(LOW, 4000, CPU)
