"""Search over factors of frequency, against a mark of tones whose bits are read from their spectrum."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import binom
from small_pkdmark import CPU, entry, teacher
from toy_speech import RATE

from sanguinaria.audio.chunking import Chunking
from sanguinaria.distortions import distort
from sanguinaria.watermarks._invertible.spectra import Band
from sanguinaria.watermarks._pkdmark.marker import SyncMarker
from sanguinaria.watermarks._pkdmark.sync_code import SyncCode
from sanguinaria.watermarks._pkdmark.utterance_attacks import UtteranceAttacks
from sanguinaria.watermarks._pkdmark.warps import best_decoding, undo_warp

CODE = SyncCode((1, 1, 1, 0, 0, 1, 0, 1), 8, decodings=5)
# Frequencies of a bit's 0 and 1 in Hz, of which none is another's by a factor of 0.9 or 1.1.
ZEROS = torch.tensor([500.0 + 70 * bit for bit in range(12)])
ONES = ZEROS + 35


class Tones:
    """A mark that adds a tone for each bit, and is read from the energies at both of its frequencies."""

    bits, band = 12, Band(512, 256, 0, 257)

    def mark(self, waveforms: torch.Tensor, messages: torch.Tensor, ratio: float | None = None) -> torch.Tensor:
        frequencies = torch.where(messages > 0, ONES, ZEROS)
        times = torch.arange(waveforms.shape[-1]) / RATE
        return 0.01 * torch.sin(2 * math.pi * frequencies[..., None] * times).sum(1)

    def decode(self, waveforms: torch.Tensor) -> torch.Tensor:
        times = torch.arange(waveforms.shape[-1]) / RATE
        energies = [
            (waveforms.to(torch.complex64) @ torch.exp(-2j * math.pi * times[:, None] * each)).abs().square() + 1e-9
            for each in (ZEROS, ONES)
        ]
        return energies[1] / (energies[0] + energies[1])


def tone_marker(warps: tuple[float, ...]) -> SyncMarker:
    return SyncMarker(
        encoder=Tones(),
        decoder=Tones(),
        code=CODE,
        chunking=Chunking(RATE, 800),
        parts=1,
        ratio=None,
        warps=warps,
        network_rate=RATE,
        sample_rate=RATE,
        precision="float32",
        device=CPU,
    )


def peak(waveforms: torch.Tensor) -> float:
    """The strongest frequency, in Hz."""
    return float(torch.fft.rfft(waveforms).abs().argmax() * RATE / waveforms.shape[-1])


class TestUndoing:
    @pytest.mark.parametrize("factor", [0.9, 1.1])
    def test_frequency_and_duration_of_a_tone(self, factor):
        tone = torch.sin(2 * math.pi * 1000 * torch.arange(RATE) / RATE)[None]
        faster = entry("speed", factor=factor).apply(tone, RATE, torch.Generator())
        undone = undo_warp(faster, factor)
        assert peak(faster) == pytest.approx(1000 * factor, abs=2) and peak(undone) == pytest.approx(1000, abs=2)
        assert abs(undone.shape[-1] - RATE) <= 1


class TestSearch:
    @pytest.mark.parametrize("kind", ["speed", "pitch"])
    @pytest.mark.parametrize("factor", [0.9, 1.1])
    def test_decodes_a_mark_whose_frequencies_are_scaled(self, kind, factor):
        messages = torch.tensor([[1, 0, 1, 1], [0, 0, 1, 0]])
        noise = 0.01 * torch.randn(2, RATE, generator=torch.Generator().manual_seed(0))
        marked = noise + tone_marker(()).watermark(noise, messages)
        scaled = distort(entry(kind, factor=factor), marked, RATE, torch.Generator())
        found = tone_marker((0.9, 1.1)).detect(scaled)
        assert found.scores.tolist() == [1.0, 1.0] and ((found.bits > 0.5) == (messages > 0)).all()
        assert (tone_marker(()).detect(scaled).scores < 0.5).all()

    def test_false_positives_of_noise_stay_at_the_stated_rate(self):
        generator = torch.Generator().manual_seed(0)
        codes = torch.rand(5, 20_000, 8, generator=generator)
        best = best_decoding(CODE, list(codes))
        detected = int((CODE.score(codes[best, torch.arange(20_000)]) >= 0.5).sum())
        assert CODE.false_positive_rate == pytest.approx(1 - (255 / 256) ** 5)
        assert binom.ppf(1e-4, 20_000, CODE.false_positive_rate) <= detected
        assert detected <= binom.ppf(1 - 1e-4, 20_000, CODE.false_positive_rate)

    def test_the_most_matching_bits_win_before_their_certainty(self):
        code = SyncCode((1, 1), 2)
        codes = [torch.tensor([[1.0, 0.4]]), torch.tensor([[0.6, 0.6]]), torch.tensor([[0.7, 0.6]])]
        assert best_decoding(code, codes).tolist() == [2]
        assert best_decoding(code, [codes[1], codes[1]]).tolist() == [0]

    def test_a_bit_within_the_margin_does_not_match(self):
        code = SyncCode((1, 0, 1), 2, margin=0.2)
        assert code.matches(torch.tensor([[0.71, 0.29, 0.69], [0.5, 0.5, 0.9], [0.2, 0.8, 0.5]])).tolist() == [2, 1, 0]

    def test_the_detector_has_the_settings(self):
        plugin = teacher(warps=(0.9, 1.1), sync_margin=0.25)
        assert plugin.code.decodings == 5 and plugin.code.margin == 0.25
        with pytest.raises(ValueError, match="warps are searched by the synchronisation code"):
            teacher(warps=(0.9,), sync="")


class TestUtteranceAttacks:
    def test_each_utterance_has_a_distortion_of_its_own(self):
        attacks = UtteranceAttacks([entry("gain", factor=factor) for factor in (0.5, 0.25, 1.0)], RATE)
        speech = torch.ones(32, 100)
        first, second = (attacks(speech, torch.Generator().manual_seed(3)) for _ in range(2))
        assert torch.equal(first, second) and set(first[:, 0].tolist()) == {0.5, 0.25, 1.0}

    def test_a_warp_leaves_the_frequencies_where_they_were(self):
        tone = torch.sin(2 * math.pi * 1000 * torch.arange(RATE) / RATE)[None]
        warped = UtteranceAttacks([], RATE, warps=(0.9,))(tone, torch.Generator().manual_seed(0))
        assert warped.shape == tone.shape and peak(warped) == pytest.approx(1000, abs=2)
        assert not torch.allclose(warped, tone, atol=0.01)
