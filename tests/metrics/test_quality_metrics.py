"""Log-spectral distance, DNSMOS and ViSQOL: values by hand or by the original, and what cannot be scored."""

import numpy as np
import pytest

from sanguinaria.core import plugins
from sanguinaria.metrics import Unscorable

RATE = 16000
TIME = np.arange(RATE) / RATE


def score(kind, reference, degraded, rate=RATE, **settings):
    metric = plugins.build("metrics", {"kind": kind, **settings})
    return metric.score(reference.astype(np.float32), degraded.astype(np.float32), rate)


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    from sanguinaria.audio.espeak import Synthesiser, voices
    from sanguinaria.audio.resampling import resample_polyphase

    samples, rate = Synthesiser().synthesise("the quick brown fox jumps over the lazy dog", voices(1)[0])
    return resample_polyphase(samples, rate, RATE)


def white(samples: int = RATE) -> np.ndarray:
    return np.random.default_rng(0).normal(size=samples) * 0.1


def noisy(clean: np.ndarray, snr_db: float) -> np.ndarray:
    noise = white(len(clean))
    return clean + noise * np.sqrt((clean**2).sum() / (noise**2).sum()) * 10 ** (-snr_db / 20)


@pytest.mark.parametrize("kind", ["lsd", "dnsmos", "visqol"])
def test_silence_is_unscorable_and_not_a_low_score(kind, speech):
    for reference in (np.zeros(RATE), speech[:RATE]):
        with pytest.raises(Unscorable, match="silent"):
            score(kind, reference, np.zeros(RATE))


class TestLsd:
    @pytest.mark.parametrize("gain_db", [-20.0, -0.5, 3.0])
    def test_of_a_gain_it_is_the_gain(self, gain_db):
        assert score("lsd", white(), white() * 10 ** (gain_db / 20)) == pytest.approx(abs(gain_db), abs=1e-3)

    def test_one_frame_by_hand(self):
        clean, other = white(1024).reshape(2, 512)
        angles = 2 * np.pi * np.outer(np.arange(257), np.arange(512)) / 512
        window = np.sin(np.pi * np.arange(512) / 512) ** 2
        levels = [20 * np.log10(np.abs(np.exp(-1j * angles) @ (part * window))) for part in (clean, other)]
        expected = np.sqrt(np.mean((levels[0] - levels[1]) ** 2))
        assert score("lsd", clean, other) == pytest.approx(expected, rel=1e-4)

    def test_the_mean_is_over_frames_and_the_square_over_bins(self):
        # Half of the time 20 dB louder: the mean of 0 and 20, and not their root mean square.
        later = np.where(TIME < 0.5, 1, 10) * white()
        assert score("lsd", white() * 0.1, later * 0.1) == pytest.approx(10, abs=0.5)
        # Half of the band 20 dB louder: the root mean square of 0 and 20.
        spectrum = np.fft.rfft(white())
        spectrum[4000:] *= 10
        assert score("lsd", white() * 0.1, np.fft.irfft(spectrum) * 0.1) == pytest.approx(20 / np.sqrt(2), abs=0.5)

    def test_it_is_symmetric_and_nothing_at_best(self, speech):
        assert score("lsd", speech, speech) == 0
        assert score("lsd", speech, noisy(speech, 20)) == pytest.approx(score("lsd", noisy(speech, 20), speech))

    def test_pauses_do_not_count_unless_something_sounds_in_them(self):
        clean = np.where(TIME < 0.5, white(), 0)
        faint = clean + np.where(TIME < 0.5, 0, 1e-4 * white())
        assert score("lsd", clean, faint) < 0.5
        assert score("lsd", clean, clean + np.where(TIME < 0.5, 0, white())) > 10

    def test_a_clip_shorter_than_a_frame_is_unscorable(self):
        with pytest.raises(Unscorable, match="shorter"):
            score("lsd", white(511), white(511))


class TestDnsmos:
    # speechmos 0.0.1.1's own front end (with librosa 0.11.0) on the sound below.
    ORIGINAL = (("overall", 1.94461), ("signal", 2.46249), ("background", 3.21330), ("p808", 2.24310))

    @staticmethod
    def sound() -> np.ndarray:
        gliding = 0.3 * np.sin(2 * np.pi * 150 * TIME * (1 + 0.2 * TIME)) * np.sin(2 * np.pi * 3 * TIME) ** 2
        return gliding + 0.2 * np.sin(2 * np.pi * 900 * TIME) * np.sin(2 * np.pi * 2 * TIME) ** 2

    @pytest.mark.parametrize(("scale", "expected"), ORIGINAL)
    def test_the_value_is_the_original_s(self, scale, expected):
        assert score("dnsmos", self.sound(), self.sound(), scale=scale) == pytest.approx(expected, abs=2e-3)

    def test_the_change_is_triggered_minus_clean(self):
        clean, other = self.sound(), noisy(self.sound(), 5)
        change = score("dnsmos", clean, other, scale="p808", of="change")
        values = [score("dnsmos", clean, audio, scale="p808") for audio in (clean, other)]
        assert change == pytest.approx(values[1] - values[0])
        assert score("dnsmos", clean, clean, scale="p808", of="change") == 0

    def test_noise_lowers_the_background_score(self, speech):
        values = [score("dnsmos", speech, noisy(speech, snr), scale="background") for snr in (40, 5)]
        assert values[0] > values[1] + 0.5

    def test_other_rates_are_resampled(self):
        from sanguinaria.audio.resampling import resample_polyphase

        faster = resample_polyphase(self.sound().astype(np.float32), RATE, 48000)
        assert score("dnsmos", faster, faster, 48000, scale="p808") == pytest.approx(2.24310, abs=0.05)

    def test_very_short_clips_have_a_value(self):
        assert 1 <= score("dnsmos", white(10), white(10), scale="p808") <= 5


class TestVisqol:
    def test_the_same_audio_has_the_best_score(self, speech):
        assert score("visqol", speech[:RATE], speech[:RATE]) == pytest.approx(5.0)

    def test_more_noise_is_worse(self, speech):
        clip = speech[: 2 * RATE]
        values = [score("visqol", clip, noisy(clip, snr)) for snr in (60, 40, 20, 0)]
        assert values == sorted(values, reverse=True)
        assert values[0] - values[-1] > 2

    def test_silence_around_lets_the_ends_count(self, speech):
        clip = speech[8000 : 8000 + RATE]
        late = clip + np.where((TIME > 0.75) & (TIME < 0.82), white(), 0)
        assert score("visqol", clip, late) == pytest.approx(5.0, abs=1e-3)  # one patch, which ends earlier
        assert score("visqol", clip, late, silence=0.5) < 4.9

    @pytest.mark.parametrize("samples", [100, 2000, 5000])
    def test_too_short_a_clip_is_unscorable(self, samples, speech):
        clip = speech[8000 : 8000 + samples]
        with pytest.raises(Unscorable, match="patch"):
            score("visqol", clip, clip)
