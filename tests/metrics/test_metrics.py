"""Metrics: values by hand and by construction, and what cannot be scored."""

import numpy as np
import pytest

from sanguinaria.core import plugins
from sanguinaria.metrics import Unscorable

RATE = 16000


def metric(kind):
    return plugins.build("metrics", {"kind": kind})


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    from sanguinaria.audio.espeak import Synthesiser, voices
    from sanguinaria.audio.resampling import resample_polyphase

    samples, rate = Synthesiser().synthesise("the quick brown fox jumps over the lazy dog", voices(1)[0])
    return resample_polyphase(samples, rate, RATE)


def noisy(speech: np.ndarray, snr_db: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=len(speech)).astype(np.float32)
    return speech + noise * np.sqrt((speech**2).sum() / (noise**2).sum()) * 10 ** (-snr_db / 20)


def test_snr_by_hand():
    reference = np.array([3.0, 4.0, 0.0], dtype=np.float32)
    # Signal 25, noise 0.25: a ratio of 100.
    assert metric("snr").score(reference, np.array([3.0, 4.0, 0.5], dtype=np.float32), RATE) == pytest.approx(20.0)


def test_si_sdr_by_hand():
    reference = np.array([3.0, 4.0, 0.0], dtype=np.float32)
    # Half as loud, and 0.25 of something else: 6.25 to 0.0625. The level is no distortion.
    assert metric("si_sdr").score(reference, np.array([1.5, 2.0, 0.25], dtype=np.float32), RATE) == pytest.approx(20.0)


def test_si_sdr_is_the_distance_from_the_nearest_multiple(speech):
    changed = 0.7 * noisy(speech, 12.0)
    clean, other = speech.astype(np.float64), changed.astype(np.float64)
    gain = np.linalg.lstsq(clean[:, None], other, rcond=None)[0][0]
    expected = 20 * np.log10(np.linalg.norm(gain * clean) / np.linalg.norm(gain * clean - other))
    assert metric("si_sdr").score(speech, changed, RATE) == pytest.approx(expected, abs=1e-6)
    assert metric("si_sdr").score(speech, noisy(speech, 12.0), RATE) == pytest.approx(12.0, abs=0.1)


@pytest.mark.parametrize(
    ("reference", "degraded", "message"),
    [
        ([0, 0], [1, 0], "the clean utterance is silent"),
        ([0.3, 0.1], [0.15, 0.05], "unchanged but for its level"),
        ([1, 0], [0, 1], "nothing of the clean utterance is left"),
        ([1, 0], [0, 0], "nothing of the clean utterance is left"),
    ],
)
def test_si_sdr_of_what_has_none(reference, degraded, message):
    with pytest.raises(Unscorable, match=message):
        metric("si_sdr").score(np.array(reference, np.float32), np.array(degraded, np.float32), RATE)


def test_snr_of_what_has_none():
    with pytest.raises(Unscorable, match="silent"):
        metric("snr").score(np.zeros(4), np.ones(4), RATE)
    with pytest.raises(Unscorable, match="unchanged"):
        metric("snr").score(np.ones(4), np.ones(4), RATE)


def test_the_best_pesq(speech):
    # P.862.2's mapping of the raw score 4.5 ends at 4.644.
    assert metric("pesq").score(speech, speech, RATE) == pytest.approx(4.644, abs=1e-3)


def test_the_best_stoi(speech):
    assert metric("stoi").score(speech, speech, RATE) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("kind", ["pesq", "stoi", "snr"])
def test_more_noise_is_worse(speech, kind):
    scores = [metric(kind).score(speech, noisy(speech, snr), RATE) for snr in (40, 20, 0)]
    assert scores[0] > scores[1] > scores[2]


@pytest.mark.parametrize("kind", ["pesq", "stoi"])
def test_silence_is_unscorable_and_not_a_low_score(kind):
    with pytest.raises(Unscorable):
        metric(kind).score(np.zeros(RATE, np.float32), np.zeros(RATE, np.float32), RATE)


def test_stoi_of_too_little_speech_is_unscorable(speech):
    clip = np.zeros(RATE, np.float32)
    clip[:2000] = speech[4000:6000]
    with pytest.raises(Unscorable, match="STOI"):
        metric("stoi").score(clip, noisy(clip, 20), RATE)
