"""Spread-transform dither modulation: keys, embedding and detection, robustness, and false positives."""

from __future__ import annotations

from math import erfc, sqrt

import numpy as np
import pytest
import torch
from scipy import stats
from toy_speech import harmonic_tones

from sanguinaria.core.errors import InputError
from sanguinaria.watermarks.dither_modulation import DitherModulation
from sanguinaria.watermarks.dither_modulation.carriers import Carriers, derive_carriers, inverse_spectrum, spectrum
from sanguinaria.watermarks.dither_modulation.marker import DitherMarker
from sanguinaria.watermarks.dither_modulation.statistics import (
    combine_probabilities,
    cross_correlate,
    false_positive_probability,
)

RATE = 16_000
CPU = torch.device("cpu")


def plugin(**settings) -> DitherModulation:
    return DitherModulation(**settings)


def marker(key: str = "mine", rate: int = RATE, **settings) -> DitherMarker:
    return plugin(**settings).load({}, rate, CPU, key)


def speech(utterances: int = 4, samples: int = RATE, level: float = 0.05) -> torch.Tensor:
    """Hums with a given root mean square."""
    waveforms = harmonic_tones(utterances, samples)
    return level * waveforms / waveforms.square().mean(-1, keepdim=True).sqrt()


def messages(utterances: int = 4, bits: int = 32, seed: int = 0) -> torch.Tensor:
    return torch.randint(2, (utterances, bits), generator=torch.Generator().manual_seed(seed))


def marked(audio: torch.Tensor, key: str = "mine", seed: int = 0, **settings) -> torch.Tensor:
    made = marker(key, **settings)
    return audio + made.watermark(audio, messages(len(audio), len(made.carriers.dithers), seed))


def bit_error_rate(audio: torch.Tensor, key: str = "mine", seed: int = 0, **settings) -> float:
    made = marker(key, **settings)
    sent = messages(len(audio), len(made.carriers.dithers), seed)
    return float(((made.detect(audio)[1] >= 0.5) != (sent > 0)).float().mean())


def ratio(audio: torch.Tensor, changed: torch.Tensor) -> torch.Tensor:
    return 10 * torch.log10(audio.square().sum(-1) / (changed - audio).square().sum(-1))


class TestKeys:
    def test_carriers_have_unit_energy_and_are_nearly_uncorrelated(self):
        mine, other = (
            derive_carriers(key, bits=32, samples=RATE, fade=320, band=(24, 118)) for key in ("mine", "mina")
        )
        torch.testing.assert_close(mine.waveforms.square().sum(1), torch.ones(32))
        # Of about 2·94·63 random cells: a standard deviation near 1/√11,844 = 0.009, and a maximum of several.
        for correlation in (mine.waveforms @ mine.waveforms.T - torch.eye(32), mine.waveforms @ other.waveforms.T):
            assert correlation.abs().max() < 0.08 and abs(float(correlation.mean())) < 0.003

    def test_carriers_lie_in_their_band_and_fade(self):
        waveforms = derive_carriers("mine", bits=8, samples=RATE, fade=320, band=(24, 118)).waveforms
        energy = torch.fft.rfft(waveforms).abs().square().sum(0)
        hertz = torch.arange(len(energy))
        assert energy[(hertz > 650) & (hertz < 3800)].sum() / energy.sum() > 0.995
        assert waveforms[:, [0, -1]].abs().max() < 1e-4 and waveforms[:, 320:-320].std() > 0.005

    def test_dithers_are_uniformly_distributed(self):
        dithers = torch.cat(
            [derive_carriers(f"{n}", bits=32, samples=4096, fade=64, band=(24, 118)).dithers for n in range(20)]
        )
        assert stats.kstest(dithers.numpy(), "uniform").pvalue > 0.01

    def test_the_first_dither_of_a_key(self):
        # From the digest of "mine": its first two bytes, as a share of 2¹⁶, are the first dither.
        assert float(
            derive_carriers("mine", bits=2, samples=1024, fade=64, band=(24, 118)).dithers[0]
        ) == pytest.approx((0xA0 * 256 + 0x07) / 65536, abs=1e-6)

    def test_the_spectrum_is_inverted(self):
        audio = torch.randn(2, 3, 4096)
        torch.testing.assert_close(inverse_spectrum(spectrum(audio), 4096), audio, atol=1e-5, rtol=0)

    def test_a_key_is_required(self):
        assert plugin().key_problem(None) and plugin().key_problem("") and plugin().key_problem("any text") is None
        with pytest.raises(InputError, match="give a key"):
            plugin().load({}, RATE, CPU, None)


class TestMarks:
    def test_are_decoded_and_far_below_the_speech(self):
        audio = speech()
        assert bit_error_rate(marked(audio)) == 0
        assert (ratio(audio, marked(audio)) > 30).all()
        assert (marker().detect(marked(audio))[0] > 0.99).all()

    def test_move_projections_onto_the_lattice_of_their_bit(self):
        made, audio, sent = marker(), speech(2), messages(2)
        changed = audio + made.watermark(audio, sent)
        places, lattice = changed @ made.carriers.waveforms.T, made.carriers.dithers + sent / 2
        # The step that follows from the chunk's level.
        steps = made._level(changed)[:, None] * made._step_ratio(audio)[:, None]
        off = places / steps - lattice
        assert (off - off.round()).abs().max() < 0.01

    def test_two_marks_coexist_and_wrong_keys_decode_nothing(self):
        audio = speech(8)
        twice = marked(marked(audio), "yours", seed=1)
        assert bit_error_rate(twice) == 0 and bit_error_rate(twice, "yours", seed=1) == 0
        wrong_keys = [bit_error_rate(marked(audio), f"key {n}") for n in range(20)]
        # 8·32·20 coin flips have a standard deviation of 0.7 %.
        assert np.mean(wrong_keys) == pytest.approx(0.5, abs=0.03)

    def test_the_bit_error_rate_in_noise_follows_from_the_margin(self):
        audio, settings = speech(32), {"minimum_step": 0.05, "step_count": 1, "maximum_delay": 0}
        made = marker(**settings)
        changed = marked(audio, **settings)
        noise = torch.randn(audio.shape, generator=torch.Generator().manual_seed(3))
        for margin in (1.5, 2.0):
            quarters = made._level(changed)[:, None] * 0.05 / 4
            # The normal distribution's share beyond a quarter of a step, without the share beyond three quarters,
            # where bits are right again.
            expected = erfc(margin / sqrt(2)) - erfc(3 * margin / sqrt(2))
            deviation = sqrt(expected * (1 - expected) / (32 * 32))
            assert bit_error_rate(changed + noise * quarters / margin, **settings) == pytest.approx(
                expected, abs=4 * deviation
            )

    @pytest.mark.parametrize("factor", [0.05, 0.8, 1.2, 3.0])
    def test_survive_a_gain(self, factor):
        assert bit_error_rate(factor * marked(speech())) == 0

    @pytest.mark.parametrize("delay", [1, -2, 300, -790])
    def test_are_detected_after_a_delay(self, delay):
        audio = torch.nn.functional.pad(speech(3, RATE - 2000), (1000, 1000))
        moved = marked(audio).roll(delay, -1)
        assert bit_error_rate(moved) == 0 and (marker().detect(moved)[0] > 0.9).all()
        assert bit_error_rate(moved, maximum_delay=0) > 0.3

    def test_silence_is_not_marked(self):
        audio = torch.cat([torch.zeros(1, RATE), speech(1)])
        mark = marker().watermark(audio, messages(2))
        assert not mark[0].any() and mark[1].any()

    def test_the_minimum_ratio_is_kept(self):
        faint = speech(level=1e-3)  # below the noise that marks have to survive
        assert (ratio(faint, marked(faint, minimum_ratio=20)) > 15).all()
        assert (ratio(faint, marked(faint, minimum_ratio=30)) > 25).all()

    @pytest.mark.parametrize("samples", [8_000, 12_345, 16_000, 40_000, 57_000])
    def test_audio_of_any_length_is_marked(self, samples):
        audio = speech(2, samples)
        assert bit_error_rate(marked(audio)) == 0
        assert marked(audio).shape == audio.shape

    def test_marks_do_not_depend_on_the_batch(self):
        audio = speech(5)
        together = marker().watermark(audio, messages(5))
        alone = torch.cat([marker().watermark(audio[[n]], messages(5)[n]) for n in range(5)])
        torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)

    def test_audio_at_another_sample_rate_is_resampled(self):
        audio = speech(2, 44_100)
        made = marker(rate=44_100)
        assert ((made.detect(audio + made.watermark(audio, messages(2)))[1] >= 0.5) == (messages(2) > 0)).all()
        with pytest.raises(InputError, match="reaches up to 3,700 Hz, beyond half the sample rate of 6,000 Hz"):
            marker(rate=6_000)

    def test_short_audio_and_invalid_messages_are_refused(self):
        with pytest.raises(InputError, match="7999 samples .* fewer than one window of 8000"):
            marker().detect(speech(1, 7_999))
        for message in (None, torch.zeros(31), 2 * torch.ones(32), torch.zeros(3, 32)):
            with pytest.raises(ValueError, match="32 bits of 0 and 1"):
                marker().watermark(speech(2), message)

    def test_a_narrow_band_is_refused(self):
        with pytest.raises(ValueError, match="at least 500 Hz below maximum_frequency"):
            plugin(minimum_frequency=3500)


class TestDetection:
    def test_false_positive_probabilities_are_upper_bounds(self):
        random = torch.Generator().manual_seed(0)
        means = (2 * torch.pi * torch.rand(200_000, 32, generator=random)).cos().mean(1)
        for fit in (0.1, 0.2, 0.3, 0.4):
            measured = float((means >= fit).float().mean())
            computed = float(false_positive_probability(torch.tensor([fit]), 32, 1))
            assert measured <= computed * 1.05 + 1e-5 and computed < 3 * measured + 1e-4

    def test_several_trials_by_sidak_s_formula(self):
        one = float(false_positive_probability(torch.tensor([0.3]), 32, 1))
        assert float(false_positive_probability(torch.tensor([0.3]), 32, 20)) == pytest.approx(1 - (1 - one) ** 20)
        assert float(false_positive_probability(torch.tensor([0.99]), 256, 1)) > 0

    def test_probabilities_are_combined_as_by_scipy(self):
        probabilities = torch.tensor([[0.1, 0.5, 0.02], [0.9, 0.8, 0.99]], dtype=torch.float64)
        expected = [stats.combine_pvalues(row.numpy()).pvalue for row in probabilities]
        assert combine_probabilities(probabilities).tolist() == pytest.approx(expected)

    def test_the_false_positive_rate_is_at_most_one_percent(self):
        audio = speech(16)
        rates = [float((marker(f"key {n}", maximum_delay=0).detect(audio)[0] >= 0.5).float().mean()) for n in range(40)]
        # At most 1 % of 640; five standard deviations are 2 %.
        assert np.mean(rates) < 0.03

    def test_cross_correlation_is_a_dot_product_at_each_delay(self):
        long, short = torch.randn(2, 50), torch.randn(2, 41)
        expected = torch.stack([(long[:, d : d + 41] * short).sum(1) for d in range(10)], 1)
        torch.testing.assert_close(cross_correlate(long, short), expected, atol=1e-4, rtol=0)

    def test_the_best_fit_is_at_the_actual_delay(self):
        made = marker(maximum_delay=0.01)
        audio = torch.nn.functional.pad(speech(1, RATE - 2000), (1000, 1000))
        moved = marked(audio, maximum_delay=0.01).roll(37, -1)
        fits = made._fit_by_delay(moved[0])
        assert int(fits.argmax()) - made.maximum_delay == 37 and fits.max() > 0.9


def test_there_are_no_weights():
    assert isinstance(marker().carriers, Carriers) and plugin().obtain() == {} and plugin(bits=16).message_bits == 16
