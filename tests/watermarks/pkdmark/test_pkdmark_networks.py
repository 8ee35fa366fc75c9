"""PKDMark's networks: features, messages, and numbers of operations and parameters."""

from __future__ import annotations

import copy

import pytest
import torch
from small_pkdmark import message, paper_size, seeded, teacher
from torch.utils.flop_counter import FlopCounterMode
from toy_speech import RATE, harmonic_tones

from sanguinaria.watermarks._invertible.spectra import Band
from sanguinaria.watermarks._pkdmark.network import PkdNetwork
from sanguinaria.watermarks.pkdmark.network import student_of
from sanguinaria.watermarks.pkdmark_teacher import PkdmarkTeacher


class TestNetwork:
    @pytest.mark.parametrize("layout", ["plain", "dense", "conv1d"])
    def test_decoder_with_the_true_redundancy_inverts_the_encoder(self, layout):
        network = seeded(teacher(layout=layout).network).keyed
        host, features = torch.randn(2, 2, 12, 9), torch.randn(2, 2, 12, 9)
        key = torch.ones(2, 3)
        after = network.invertible.inverse(*network.invertible(host, features, key), key)
        torch.testing.assert_close(after, (host, features), atol=1e-5, rtol=1e-4)

    def test_the_marked_host_stands_for_the_redundancy(self):
        network, speech = seeded(teacher().network), harmonic_tones(2, RATE)
        spectrum = network.band.analyse(speech)
        _, expected = network.keyed.invertible.inverse(spectrum, spectrum, torch.ones(2, 3))
        torch.testing.assert_close(network.decode_features(speech), expected)
        torch.testing.assert_close(network.decode(speech), (network.keyed.message.decode(expected) + 1) / 2)

    def test_feature_map_is_eq_1(self):
        """v repeated over frames, as real part and as imaginary part: M = (1 + i)·[v, …, v]."""
        network = seeded(teacher().network)
        features = network.encode_features(torch.stack([message(6), message(6, 1)]))
        assert features.shape == (2, 2, 12, network.band.frames(RATE))
        vector = features[:, 0, :, 0]
        assert torch.equal(features, vector[:, None, :, None].expand_as(features))
        spectrum = torch.complex(features[:, 0], features[:, 1])
        torch.testing.assert_close(spectrum, (1 + 1j) * vector[..., None].expand_as(spectrum))

    def test_feature_map_is_a_sum_over_the_bits(self):
        """A change of two bits changes v by the sum of the changes for each bit."""
        network = seeded(teacher().network)
        first, second, both, none = (
            network.encode_features(torch.tensor([[a, b, 0, 0, 0, 0]])) for a, b in ((1, 0), (0, 1), (1, 1), (0, 0))
        )
        torch.testing.assert_close(both - none, (first - none) + (second - none))
        assert (first - none).any() and (second - none).any()

    def test_student_has_the_teacher_s_feature_map(self):
        network = seeded(teacher().network)
        small = student_of(network, 2, 2)
        assert torch.equal(small.encode_features(message(6)[None]), network.encode_features(message(6)[None]))
        assert len(small.keyed.invertible.blocks) == 2 and len(network.keyed.invertible.blocks) == 3
        assert all(a is not b for a, b in zip(small.parameters(), network.parameters(), strict=False))


def operations(network: PkdNetwork) -> int:
    """Floating-point operations of the invertible network in marking one chunk, counted by torch."""
    band, blocks = network.band, copy.deepcopy(network.keyed.invertible).to("meta")
    shape = (1, 2, band.bins, band.frames(network.samples))
    counter = FlopCounterMode(display=False)
    with counter, torch.device("meta"):
        blocks(torch.empty(shape), torch.empty(shape), torch.empty(1, network.keyed.blocks))
    return int(counter.get_total_flops())


def parameters(network: PkdNetwork) -> int:
    return sum(weight.numel() for weight in network.keyed.invertible.parameters())


class TestSizes:
    def test_the_paper_s_operations_have_the_published_ratio(self):
        """36.0 and 2.3 GFLOPS (Table II), 15.7, rounded as they are: between 35.95/2.35 and 36.05/2.25."""
        large, small = paper_size(8, 32), paper_size(2, 16)
        assert 35.95 / 2.35 < operations(large) / operations(small) < 36.05 / 2.25
        assert parameters(large) / parameters(small) == pytest.approx(15.32, abs=0.01)
        dense = operations(paper_size(8, 32, layout="dense")) / operations(paper_size(2, 16, layout="dense"))
        assert dense < 35.95 / 2.35

    def test_operations_are_those_of_the_convolutions(self):
        cells = 513 * (1 + 24_000 // 600)
        weights = 9 * (2 * 32 + 3 * 32 * 32 + 32 * 2)
        assert operations(paper_size(8, 32)) == 2 * 8 * 3 * weights * cells

    def test_the_paper_s_stft_is_invertible(self):
        band, sound = Band(1024, 600, 0, 513), torch.randn(2, 24_000)
        torch.testing.assert_close(band.synthesise(band.analyse(sound), 24_000), sound, atol=1e-4, rtol=1e-4)

    def test_sixteen_bits_per_second(self):
        plain = PkdmarkTeacher(corpus="c", sync="")
        assert plain.message_bits * plain.sample_rate / plain.samples == 16
        assert PkdmarkTeacher(corpus="c").message_bits == 8
        assert PkdmarkTeacher(corpus="c", spread=3).message_bits == 24
