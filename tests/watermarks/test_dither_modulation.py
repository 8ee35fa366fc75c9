"""A watermark that is not learnt, against what its formulas say and what its marks are to survive."""

from __future__ import annotations

from math import erfc, sqrt

import numpy as np
import pytest
import torch
from scipy import stats
from toy_speech import hum

from sanguinaria.core.errors import InputError
from sanguinaria.watermarks.dither_modulation import DitherModulation
from sanguinaria.watermarks.dither_modulation.carriers import Carriers, carriers_of, sound, spectrum
from sanguinaria.watermarks.dither_modulation.marker import DitherMarker, by_chance, combined, correlated

RATE = 16_000
CPU = torch.device("cpu")


def plugin(**settings) -> DitherModulation:
    return DitherModulation(**settings)


def marker(key: str = "mine", rate: int = RATE, **settings) -> DitherMarker:
    return plugin(**settings).load({}, rate, CPU, key)


def speech(utterances: int = 4, samples: int = RATE, level: float = 0.05) -> torch.Tensor:
    """Hums of a root mean square."""
    found = hum(utterances, samples)
    return level * found / found.square().mean(-1, keepdim=True).sqrt()


def messages(utterances: int = 4, bits: int = 32, seed: int = 0) -> torch.Tensor:
    return torch.randint(2, (utterances, bits), generator=torch.Generator().manual_seed(seed))


def marked(audio: torch.Tensor, key: str = "mine", seed: int = 0, **settings) -> torch.Tensor:
    made = marker(key, **settings)
    return audio + made.watermark(audio, messages(len(audio), len(made.carriers.dithers), seed))


def wrong(audio: torch.Tensor, key: str = "mine", seed: int = 0, **settings) -> float:
    made = marker(key, **settings)
    sent = messages(len(audio), len(made.carriers.dithers), seed)
    return float(((made.detect(audio)[1] >= 0.5) != (sent > 0)).float().mean())


def ratio(audio: torch.Tensor, changed: torch.Tensor) -> torch.Tensor:
    return 10 * torch.log10(audio.square().sum(-1) / (changed - audio).square().sum(-1))


class TestKeys:
    def test_carriers_have_one_energy_and_hardly_anything_in_common(self):
        mine, other = (carriers_of(key, 32, RATE, 320, (24, 118)) for key in ("mine", "mina"))
        torch.testing.assert_close(mine.waveforms.square().sum(1), torch.ones(32))
        # Of about 2·94·63 cells at random: a standard deviation near 1/√11,844 = 0.009, and at most some of them.
        for likeness in (mine.waveforms @ mine.waveforms.T - torch.eye(32), mine.waveforms @ other.waveforms.T):
            assert likeness.abs().max() < 0.08 and abs(float(likeness.mean())) < 0.003

    def test_carriers_lie_in_their_band_and_fade(self):
        found = carriers_of("mine", 8, RATE, 320, (24, 118)).waveforms
        energy = torch.fft.rfft(found).abs().square().sum(0)
        hertz = torch.arange(len(energy))
        assert energy[(hertz > 650) & (hertz < 3800)].sum() / energy.sum() > 0.995
        assert found[:, [0, -1]].abs().max() < 1e-4 and found[:, 320:-320].std() > 0.005

    def test_dithers_are_anywhere_in_a_step(self):
        dithers = torch.cat([carriers_of(f"{n}", 32, 4096, 64, (24, 118)).dithers for n in range(20)])
        assert stats.kstest(dithers.numpy(), "uniform").pvalue > 0.01

    def test_a_key_is_the_same_everywhere(self):
        # From the digest of "mine": its first two bytes, as a share of 2¹⁶, are the first dither.
        assert float(carriers_of("mine", 2, 1024, 64, (24, 118)).dithers[0]) == pytest.approx(
            (0xA0 * 256 + 0x07) / 65536, abs=1e-6
        )

    def test_spectra_become_sounds_and_back(self):
        audio = torch.randn(2, 3, 4096)
        torch.testing.assert_close(sound(spectrum(audio), 4096), audio, atol=1e-5, rtol=0)

    def test_none_is_no_key(self):
        assert plugin().key_problem(None) and plugin().key_problem("") and plugin().key_problem("any text") is None
        with pytest.raises(InputError, match="give a key"):
            plugin().load({}, RATE, CPU, None)


class TestMarks:
    def test_are_read_and_far_below_the_speech(self):
        audio = speech()
        assert wrong(marked(audio)) == 0
        assert (ratio(audio, marked(audio)) > 30).all()
        assert (marker().detect(marked(audio))[0] > 0.99).all()

    def test_move_projections_onto_the_lattice_of_their_bit(self):
        made, audio, sent = marker(), speech(2), messages(2)
        changed = audio + made.watermark(audio, sent)
        places, lattice = changed @ made.carriers.waveforms.T, made.carriers.dithers + sent / 2
        # Some step makes every projection lie on it: the one that the piece's level gives.
        steps = made._level(changed)[:, None] * made._ratio(audio)[:, None]
        off = places / steps - lattice
        assert (off - off.round()).abs().max() < 0.01

    def test_two_lie_on_one_another_and_wrong_keys_read_nothing(self):
        audio = speech(8)
        twice = marked(marked(audio), "yours", seed=1)
        assert wrong(twice) == 0 and wrong(twice, "yours", seed=1) == 0
        others = [wrong(marked(audio), f"key {n}") for n in range(20)]
        # 8·32·20 coin flips have a standard deviation of 0.7 %.
        assert np.mean(others) == pytest.approx(0.5, abs=0.03)

    def test_the_noise_that_they_are_to_survive_leaves_as_many_bits_wrong_as_the_margin_says(self):
        audio, settings = speech(32), {"smallest": 0.05, "step_sizes": 1, "delay": 0}
        made = marker(**settings)
        changed = marked(audio, **settings)
        noise = torch.randn(audio.shape, generator=torch.Generator().manual_seed(3))
        for margin in (1.5, 2.0):
            quarters = made._level(changed)[:, None] * 0.05 / 4
            # The normal law's share beyond a quarter of a step, but for what comes to lie right again beyond three.
            expected = erfc(margin / sqrt(2)) - erfc(3 * margin / sqrt(2))
            deviation = sqrt(expected * (1 - expected) / (32 * 32))
            assert wrong(changed + noise * quarters / margin, **settings) == pytest.approx(expected, abs=4 * deviation)

    @pytest.mark.parametrize("factor", [0.05, 0.8, 1.2, 3.0])
    def test_survive_another_level(self, factor):
        assert wrong(factor * marked(speech())) == 0

    @pytest.mark.parametrize("delay", [1, -2, 300, -790])
    def test_are_found_where_a_delay_has_moved_them(self, delay):
        audio = torch.nn.functional.pad(speech(3, RATE - 2000), (1000, 1000))
        moved = marked(audio).roll(delay, -1)
        assert wrong(moved) == 0 and (marker().detect(moved)[0] > 0.9).all()
        assert wrong(moved, delay=0) > 0.3

    def test_silence_gets_none(self):
        audio = torch.cat([torch.zeros(1, RATE), speech(1)])
        mark = marker().watermark(audio, messages(2))
        assert not mark[0].any() and mark[1].any()

    def test_are_never_louder_than_the_loudest(self):
        faint = speech(level=1e-3)  # below the noise that marks are to survive
        assert (ratio(faint, marked(faint, loudest=20)) > 15).all()
        assert (ratio(faint, marked(faint, loudest=30)) > 25).all()

    @pytest.mark.parametrize("samples", [8_000, 12_345, 16_000, 40_000, 57_000])
    def test_audio_of_any_length_carries_one(self, samples):
        audio = speech(2, samples)
        assert wrong(marked(audio)) == 0
        assert marked(audio).shape == audio.shape

    def test_each_utterance_is_marked_for_itself(self):
        audio = speech(5)
        together = marker().watermark(audio, messages(5))
        alone = torch.cat([marker().watermark(audio[[n]], messages(5)[n]) for n in range(5)])
        torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)

    def test_another_rate_is_resampled(self):
        audio = speech(2, 44_100)
        made = marker(rate=44_100)
        assert ((made.detect(audio + made.watermark(audio, messages(2)))[1] >= 0.5) == (messages(2) > 0)).all()
        with pytest.raises(InputError, match="reaches up to 3,700 Hz, beyond half the sample rate of 6,000 Hz"):
            marker(rate=6_000)

    def test_short_audio_and_other_messages_are_refused(self):
        with pytest.raises(InputError, match="7999 samples .* fewer than one window of 8000"):
            marker().detect(speech(1, 7_999))
        for message in (None, torch.zeros(31), 2 * torch.ones(32), torch.zeros(3, 32)):
            with pytest.raises(ValueError, match="32 bits of 0 and 1"):
                marker().watermark(speech(2), message)

    def test_a_band_is_one(self):
        with pytest.raises(ValueError, match="at least 500 Hz below highest"):
            plugin(lowest=3500)


class TestDetection:
    def test_chances_are_no_smaller_than_they_are(self):
        random = torch.Generator().manual_seed(0)
        means = (2 * torch.pi * torch.rand(200_000, 32, generator=random)).cos().mean(1)
        for sure in (0.1, 0.2, 0.3, 0.4):
            drawn = float((means >= sure).float().mean())
            stated = float(by_chance(torch.tensor([sure]), 32, 1))
            assert drawn <= stated * 1.05 + 1e-5 and stated < 3 * drawn + 1e-4

    def test_several_trials_are_sidak_s(self):
        one = float(by_chance(torch.tensor([0.3]), 32, 1))
        assert float(by_chance(torch.tensor([0.3]), 32, 20)) == pytest.approx(1 - (1 - one) ** 20)
        assert float(by_chance(torch.tensor([0.99]), 256, 1)) > 0

    def test_chances_are_combined_as_scipy_does(self):
        chances = torch.tensor([[0.1, 0.5, 0.02], [0.9, 0.8, 0.99]], dtype=torch.float64)
        expected = [stats.combine_pvalues(row.numpy()).pvalue for row in chances]
        assert combined(chances).tolist() == pytest.approx(expected)

    def test_unmarked_audio_is_taken_for_marked_as_often_as_is_said(self):
        audio = speech(16)
        found = [float((marker(f"key {n}", delay=0).detect(audio)[0] >= 0.5).float().mean()) for n in range(40)]
        # At most 1 % of 640; five standard deviations are 2 %.
        assert np.mean(found) < 0.03

    def test_correlation_is_a_product_at_each_delay(self):
        long, short = torch.randn(2, 50), torch.randn(2, 41)
        expected = torch.stack([(long[:, d : d + 41] * short).sum(1) for d in range(10)], 1)
        torch.testing.assert_close(correlated(long, short), expected, atol=1e-4, rtol=0)

    def test_levels_by_delay_are_those_of_the_pieces(self):
        made = marker(delay=0.01)
        audio = torch.nn.functional.pad(speech(1, RATE - 2000), (1000, 1000))
        moved = marked(audio, delay=0.01).roll(37, -1)
        fits = made._fit_by_delay(moved[0])
        assert int(fits.argmax()) - made.delay == 37 and fits.max() > 0.9


def test_its_carriers_are_plain_data():
    assert isinstance(marker().carriers, Carriers) and plugin().obtain() == {} and plugin(bits=16).message_bits == 16
