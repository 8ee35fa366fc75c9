"""The invertible network, its keys, spectra and message encodings."""

from __future__ import annotations

import hashlib

import pytest
import torch

from sanguinaria.watermarks._invertible.keys import identity_key, near_keys, sample_distinct_keys
from sanguinaria.watermarks._invertible.layers import InvertibleNetwork, transformation
from sanguinaria.watermarks._invertible.network import KeyedNetwork
from sanguinaria.watermarks._invertible.spectra import Band
from sanguinaria.watermarks.keyed_mask.keys import mask_key, random_mask_keys
from sanguinaria.watermarks.wake.key_alphabets import FACTORS
from sanguinaria.watermarks.wake.keys import block_key, random_block_keys

BINS, FRAMES, BLOCKS = 12, 9, 4


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=seeded(seed))


def invertible(layout="conv1d", order="message_first") -> InvertibleNetwork:
    """A network whose blocks change their inputs considerably, unlike untrained ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = InvertibleNetwork(BLOCKS, lambda: transformation(layout, BINS, 8), order)
    with torch.no_grad():
        for name, weights in network.named_parameters():
            if weights.dim() == 1:
                weights.copy_(0.1 * noise(*weights.shape, seed=len(name)))
            else:
                weights.mul_(2)
    return network


@pytest.mark.parametrize("layout", ["dense", "plain", "conv1d"])
@pytest.mark.parametrize("order", ["host_first", "message_first"])
@pytest.mark.parametrize("alphabet", FACTORS)
def test_inverse_with_the_true_redundancy_recovers_host_and_message(layout, order, alphabet):
    network = invertible(layout, order)
    host, message = noise(3, 2, BINS, FRAMES), noise(3, 2, BINS, FRAMES, seed=1)
    key = random_block_keys(3, BLOCKS, alphabet, seeded()).factors
    with torch.no_grad():
        marked, redundancy = network(host, message, key)
        recovered = network.inverse(marked, redundancy, key)
    assert (marked - host).abs().max() > 0.01
    torch.testing.assert_close(recovered, (host, message), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("alphabet", ["bits", "signs"])
@pytest.mark.parametrize(("order", "dead"), [("host_first", [0]), ("message_first", [])])
def test_message_depends_on_each_bit_of_the_key_but_the_first_in_the_paper_s_order(order, dead, alphabet):
    network = invertible("conv1d", order)
    marked, guess = noise(1, 2, BINS, FRAMES), noise(1, 2, BINS, FRAMES, seed=1)
    text = "1" * BLOCKS
    flipped = [text[:bit] + "0" + text[bit + 1 :] for bit in range(BLOCKS)]
    with torch.no_grad():
        right, *wrong = (
            network.inverse(marked, guess, block_key(each, alphabet).factors)[1] for each in (text, *flipped)
        )
    assert [bit for bit, message in enumerate(wrong) if torch.equal(message, right)] == dead


def test_host_first_block_is_the_paper_s_equation():
    block = invertible("conv1d", "host_first").blocks[0]
    host, message = noise(1, 2, BINS, FRAMES), noise(1, 2, BINS, FRAMES, seed=1)
    with torch.no_grad():
        outputs = block(host, message, torch.tensor([0.5]))
        marked = host + 0.5 * block.phi(message)
        scale = 2 * torch.tanh(block.rho(marked) / 2)
        expected = (marked, message * scale.exp() + block.eta(marked))
    torch.testing.assert_close(outputs, expected)


def test_a_factor_of_0_does_not_change_the_host():
    host = noise(1, 2, BINS, FRAMES)
    assert torch.equal(invertible()(host, host, torch.zeros(1, BLOCKS))[0], host)


class TestBand:
    @pytest.mark.parametrize("compressed", [False, True])
    def test_synthesis_inverts_analysis(self, compressed):
        band, sound = Band(1000, 400, 0, 501, compressed), 0.3 * noise(2, 16_000)
        features = band.analyse(sound)
        assert features.shape == (2, 2, 501, 41)
        torch.testing.assert_close(band.synthesise(features, 16_000), sound, atol=1e-5, rtol=1e-4)

    @pytest.mark.parametrize("compressed", [False, True])
    def test_a_mark_stays_in_its_band(self, compressed):
        band, sound = Band(512, 256, 32, 64, compressed), noise(1, 16_000)
        before = band.analyse(sound)
        change = band.difference(before, before + 0.1 * noise(*before.shape, seed=1), 16_000)
        energy = torch.fft.rfft(change * torch.hann_window(16_000)).abs().square()[0]
        # Bins are 31.25 Hz wide, and a Hann window's main lobe reaches two of them to either side.
        assert energy[32 * 31 - 63 : 96 * 31 + 95].sum() > 0.999 * energy.sum()
        torch.testing.assert_close(band.difference(before, before, 16_000), torch.zeros_like(sound))

    @pytest.mark.parametrize("compressed", [False, True])
    def test_levels_are_measured_within_the_band(self, compressed):
        band, time = Band(512, 256, 10, 96, compressed), torch.arange(16_000) / 16_000
        tone, hum = torch.sin(2 * torch.pi * 1000 * time)[None], torch.sin(2 * torch.pi * 50 * time)[None]
        features, level = band.analyse_normalised(0.02 * tone + 0.5 * hum)
        # A sine's root mean square is its amplitude by √2. Half of the windows at both ends is empty.
        assert level.item() == pytest.approx(0.02 / 2**0.5, rel=0.02)
        quieter, lower = band.analyse_normalised(0.002 * tone + 0.05 * hum)
        assert lower.item() == pytest.approx(0.1 * level.item(), rel=1e-2)
        assert torch.allclose(features, quieter, rtol=1e-2, atol=1e-2)
        # As exact as single precision is about cells that are 90 dB below the hum.
        torch.testing.assert_close(features, band.analyse((0.02 * tone + 0.5 * hum) / level), atol=2e-3, rtol=1e-3)

    def test_a_compressed_mark_follows_the_level_by_half_as_many_decibels(self):
        band = Band(512, 256, 0, 257, compressed=True)
        quiet, loud = (band.analyse(gain * noise(1, 16_000)) for gain in (0.1, 10.0))
        loud_mark, quiet_mark = (band.difference(each, each + 1e-3, 16_000) for each in (loud, quiet))
        assert float(loud_mark.norm() / quiet_mark.norm()) == pytest.approx(10.0, rel=0.02)


class TestKeys:
    @pytest.mark.parametrize("alphabet", FACTORS)
    def test_have_the_alphabet_s_factors_and_never_zeros_alone(self, alphabet):
        drawn = random_block_keys(500, 2, alphabet, seeded()).factors
        assert set(drawn.unique().tolist()) == set(FACTORS[alphabet].values())
        assert drawn.any(1).all()

    def test_distinct_keys_are_distinct(self):
        """There are four keys of two signs, so that three independent ones would often coincide."""

        def draw(count, generator):
            return random_block_keys(count, 2, "signs", generator)

        keys = []
        for _ in range(3):
            keys.append(sample_distinct_keys(draw, keys, 50, seeded()))
        assert not any(keys[first].equals(keys[second]).any() for first, second in ((0, 1), (0, 2), (1, 2)))

    def test_where_there_is_only_one_key_it_is_returned(self):
        def draw(count, generator):
            return random_block_keys(count, 1, "bits", generator)

        assert sample_distinct_keys(draw, [draw(3, seeded())], 3, seeded()).factors.tolist() == [[1.0]] * 3

    @pytest.mark.parametrize("alphabet", ["signs", "digits"])
    def test_near_keys_have_distance_1_or_are_the_other_keys(self, alphabet):
        keys, others = (random_block_keys(400, 4, alphabet, seeded(seed)) for seed in (1, 2))
        drawn = near_keys(keys, others, seeded(3))
        distances = (drawn.factors != keys.factors).sum(1)
        near = distances == 1
        assert not (drawn.factors == keys.factors).all(1)[(others.factors != keys.factors).any(1)].any()
        assert (drawn.factors[~near] == others.factors[~near]).all()
        # A random sign differs in half of the blocks, a digit in eight of nine.
        assert near.float().mean() > (0.45 if alphabet == "signs" else 0.8)

    def test_masks_have_no_near_keys(self):
        keys, others = (random_mask_keys(3, seeded(seed), blocks=4, bins=8, frames=4, period=4) for seed in (1, 2))
        assert near_keys(keys, others, seeded(3)).equals(others).all()


class TestMasks:
    def mask(self, text, period=8):
        return mask_key(text, blocks=BLOCKS, bins=96, frames=63, period=period).signs

    def test_is_balanced_and_uncorrelated_for_keys_that_differ_in_one_character(self):
        masks = [self.mask(f"key {letter}", 63) for letter in "abcdefghij"]
        assert all(set(mask.unique().tolist()) == {-1.0, 1.0} for mask in masks)
        # Of 6,048 fair coins, five standard deviations are 0.032.
        for first, mask in enumerate(masks):
            assert abs(float(mask.mean())) < 0.064
            assert all(abs(float((mask != other).float().mean()) - 0.5) < 0.032 for other in masks[:first])

    def test_repeats_after_its_period(self):
        mask = self.mask("key")
        assert torch.equal(mask[..., :8], mask[..., 8:16])
        assert mask.shape == (1, 1, 96, 63)

    def test_is_the_key_s_digest(self):
        assert torch.equal(self.mask("key"), self.mask("key"))
        # The first byte of SHAKE-256 of "key", lowest bit first.
        byte = hashlib.shake_256(b"key").digest(1)[0]
        assert self.mask("key")[0, 0, 0, :8].tolist() == [1.0 if byte >> bit & 1 else -1.0 for bit in range(8)]


def network(**settings) -> KeyedNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return KeyedNetwork(
            **{
                "band": Band(64, 32, 2, BINS),
                "samples": 320,
                "bits": 5,
                "blocks": BLOCKS,
                "layout": "conv1d",
                "width": 8,
            }
            | {
                "order": "message_first",
                "encoding": "map",
                "redundancy": "predict",
                "predict_blocks": 1,
                "level_normalised": True,
            }
            | settings
        )


class TestKeyedNetwork:
    @pytest.mark.parametrize("layout", ["dense", "plain", "conv1d"])
    @pytest.mark.parametrize("encoding", ["waveform", "map"])
    @pytest.mark.parametrize("redundancy", ["predict", "noise", "host"])
    def test_marks_and_decodes(self, layout, encoding, redundancy):
        watermarker = network(layout=layout, encoding=encoding, redundancy=redundancy)
        sound, messages = 0.1 * noise(3, 320), torch.randint(2, (3, 5), generator=seeded())
        key = random_block_keys(3, BLOCKS, "signs", seeded())
        mark = watermarker.mark(sound, messages, key)
        assert mark.shape == sound.shape and mark.any()
        assert watermarker.decode(sound + mark, key).shape == (3, 5)
        assert torch.equal(watermarker.decode(sound, key), watermarker.decode(sound, key))

    def test_each_utterance_has_the_signal_to_watermark_ratio(self):
        sound = noise(3, 320) * torch.tensor([[0.01], [0.1], [1.0]])
        mark = network().mark(sound, torch.ones(3, 5), identity_key(3, BLOCKS), ratio=30.0)
        ratios = 10 * torch.log10(sound.square().sum(1) / mark.square().sum(1))
        torch.testing.assert_close(ratios, torch.full((3,), 30.0), atol=0.01, rtol=0)

    def test_the_mark_follows_the_level_of_speech(self):
        sound, key = noise(1, 320), identity_key(1, BLOCKS)
        loud, quiet = (network().mark(gain * sound, torch.ones(1, 5), key) for gain in (1.0, 0.1))
        torch.testing.assert_close(0.1 * loud, quiet, atol=1e-6, rtol=1e-3)
        torch.testing.assert_close(
            network().decode(sound, key), network().decode(0.1 * sound, key), atol=1e-4, rtol=1e-3
        )

    def test_a_network_without_effect_marks_nothing_under_a_mask(self):
        watermarker, sound = network(), noise(2, 320)
        for block in watermarker.invertible.blocks:
            block.phi[-2].weight.data.zero_()
        key = random_mask_keys(2, seeded(), blocks=BLOCKS, bins=BINS, frames=11, period=4)
        assert not watermarker.mark(sound, torch.ones(2, 5), key).any()

    def test_mark_of_silence_is_finite(self):
        mark = network().mark(torch.zeros(1, 320), torch.ones(1, 5), identity_key(1, BLOCKS), ratio=40.0)
        assert mark.isfinite().all() and mark.abs().max() < 1e-4
