"""The invertible network: that it is one, what every bit of a key does, and what its parts are made of."""

from __future__ import annotations

import hashlib

import pytest
import torch

from sanguinaria.watermarks._invertible.keys import (
    FACTORS,
    block_key,
    different_keys,
    mask_key,
    neighbours,
    plain_key,
    random_block_keys,
    random_mask_keys,
)
from sanguinaria.watermarks._invertible.layers import Invertible, stack
from sanguinaria.watermarks._invertible.network import KeyedNetwork
from sanguinaria.watermarks._invertible.spectra import Band

BINS, FRAMES, BLOCKS = 12, 9, 4


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=seeded(seed))


def invertible(layout="lines", order="message_first") -> Invertible:
    """One whose blocks change a lot, unlike untrained ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Invertible(BLOCKS, lambda: stack(layout, BINS, 8), order)
    with torch.no_grad():
        for name, weights in network.named_parameters():
            if weights.dim() == 1:
                weights.copy_(0.1 * noise(*weights.shape, seed=len(name)))
            else:
                weights.mul_(2)
    return network


@pytest.mark.parametrize("layout", ["dense", "plain", "lines"])
@pytest.mark.parametrize("order", ["host_first", "message_first"])
@pytest.mark.parametrize("convention", FACTORS)
def test_inverse_undoes_forward_where_the_redundancy_is_kept(layout, order, convention):
    network = invertible(layout, order)
    host, message = noise(3, 2, BINS, FRAMES), noise(3, 2, BINS, FRAMES, seed=1)
    key = random_block_keys(3, BLOCKS, convention, seeded()).factors
    with torch.no_grad():
        marked, redundancy = network(host, message, key)
        found = network.inverse(marked, redundancy, key)
    assert (marked - host).abs().max() > 0.01
    torch.testing.assert_close(found, (host, message), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("convention", ["bits", "signs"])
@pytest.mark.parametrize(("order", "dead"), [("host_first", [0]), ("message_first", [])])
def test_each_bit_of_the_key_counts_but_the_first_in_the_paper_s_order(order, dead, convention):
    network = invertible("lines", order)
    marked, guess = noise(1, 2, BINS, FRAMES), noise(1, 2, BINS, FRAMES, seed=1)
    text = "1" * BLOCKS
    flipped = [text[:bit] + "0" + text[bit + 1 :] for bit in range(BLOCKS)]
    with torch.no_grad():
        right, *wrong = (
            network.inverse(marked, guess, block_key(each, convention).factors)[1] for each in (text, *flipped)
        )
    assert [bit for bit, message in enumerate(wrong) if torch.equal(message, right)] == dead


def test_the_host_first_block_is_the_paper_s_equation():
    block = invertible("lines", "host_first").blocks[0]
    host, message = noise(1, 2, BINS, FRAMES), noise(1, 2, BINS, FRAMES, seed=1)
    with torch.no_grad():
        found = block(host, message, torch.tensor([0.5]))
        marked = host + 0.5 * block.phi(message)
        scale = 2 * torch.tanh(block.rho(marked) / 2)
        expected = (marked, message * scale.exp() + block.eta(marked))
    torch.testing.assert_close(found, expected)


def test_a_factor_of_0_leaves_the_host_alone():
    host = noise(1, 2, BINS, FRAMES)
    assert torch.equal(invertible()(host, host, torch.zeros(1, BLOCKS))[0], host)


class TestBand:
    @pytest.mark.parametrize("compressed", [False, True])
    def test_synthesis_undoes_analysis(self, compressed):
        band, sound = Band(1000, 400, 0, 501, compressed), 0.3 * noise(2, 16_000)
        features = band.analyse(sound)
        assert features.shape == (2, 2, 501, 41)
        torch.testing.assert_close(band.synthesise(features, 16_000), sound, atol=1e-5, rtol=1e-4)

    @pytest.mark.parametrize("compressed", [False, True])
    def test_a_change_stays_in_its_band(self, compressed):
        band, sound = Band(512, 256, 32, 64, compressed), noise(1, 16_000)
        before = band.analyse(sound)
        change = band.change(before, before + 0.1 * noise(*before.shape, seed=1), 16_000)
        energy = torch.fft.rfft(change * torch.hann_window(16_000)).abs().square()[0]
        # Bins are 31.25 Hz wide, and a Hann window's main lobe reaches two of them to either side.
        assert energy[32 * 31 - 63 : 96 * 31 + 95].sum() > 0.999 * energy.sum()
        torch.testing.assert_close(band.change(before, before, 16_000), torch.zeros_like(sound))

    @pytest.mark.parametrize("compressed", [False, True])
    def test_levels_are_those_within_the_band(self, compressed):
        band, time = Band(512, 256, 10, 96, compressed), torch.arange(16_000) / 16_000
        tone, hum = torch.sin(2 * torch.pi * 1000 * time)[None], torch.sin(2 * torch.pi * 50 * time)[None]
        features, level = band.analyse_levelled(0.02 * tone + 0.5 * hum)
        # A sine's root mean square is its amplitude by √2. Half of the windows at both ends is empty.
        assert level.item() == pytest.approx(0.02 / 2**0.5, rel=0.02)
        quieter, lower = band.analyse_levelled(0.002 * tone + 0.05 * hum)
        assert lower.item() == pytest.approx(0.1 * level.item(), rel=1e-2)
        assert torch.allclose(features, quieter, rtol=1e-2, atol=1e-2)
        # As exact as single precision is about cells that are 90 dB below the hum.
        torch.testing.assert_close(features, band.analyse((0.02 * tone + 0.5 * hum) / level), atol=2e-3, rtol=1e-3)

    def test_a_compressed_change_follows_the_sound_by_half(self):
        band = Band(512, 256, 0, 257, compressed=True)
        quiet, loud = (band.analyse(gain * noise(1, 16_000)) for gain in (0.1, 10.0))
        ratio = (
            band.change(loud, loud * 0 + loud + 1e-3, 16_000).norm() / band.change(quiet, quiet + 1e-3, 16_000).norm()
        )
        assert float(ratio) == pytest.approx(10.0, rel=0.02)


class TestRandomKeys:
    @pytest.mark.parametrize("convention", FACTORS)
    def test_are_of_their_factors_and_never_silent(self, convention):
        drawn = random_block_keys(500, 2, convention, seeded()).factors
        assert set(drawn.unique().tolist()) == set(FACTORS[convention].values())
        assert drawn.any(1).all()

    def test_others_are_others(self):
        """Two signs are four keys, so that three drawn by themselves would often be alike."""

        def draw(count, generator):
            return random_block_keys(count, 2, "signs", generator)

        found = []
        for _ in range(3):
            found.append(different_keys(draw, found, 50, seeded()))
        assert not any(found[first].same(found[second]).any() for first, second in ((0, 1), (0, 2), (1, 2)))

    def test_where_there_is_but_one_key_it_is_drawn_again(self):
        def draw(count, generator):
            return random_block_keys(count, 1, "bits", generator)

        assert different_keys(draw, [draw(3, seeded())], 3, seeded()).factors.tolist() == [[1.0]] * 3

    @pytest.mark.parametrize("convention", ["signs", "digits"])
    def test_neighbours_differ_in_one_place_where_they_are_not_others(self, convention):
        keys, others = (random_block_keys(400, 4, convention, seeded(seed)) for seed in (1, 2))
        found = neighbours(keys, others, seeded(3))
        distances = (found.factors != keys.factors).sum(1)
        near = distances == 1
        assert not (found.factors == keys.factors).all(1)[(others.factors != keys.factors).any(1)].any()
        assert (found.factors[~near] == others.factors[~near]).all()
        # A sign that is drawn is another in half of the places, a digit in eight of nine.
        assert near.float().mean() > (0.45 if convention == "signs" else 0.8)

    def test_masks_have_no_neighbours(self):
        keys, others = (random_mask_keys(3, 4, 8, 4, 4, seeded(seed)) for seed in (1, 2))
        assert neighbours(keys, others, seeded(3)).same(others).all()


class TestMasks:
    def mask(self, text, period=8):
        return mask_key(text, BLOCKS, 96, 63, period).signs

    def test_is_balanced_and_another_for_a_key_that_differs_in_one_character(self):
        masks = [self.mask(f"key {letter}", 63) for letter in "abcdefghij"]
        assert all(set(mask.unique().tolist()) == {-1.0, 1.0} for mask in masks)
        # Of 6,048 fair coins, five standard deviations are 0.032.
        for first, mask in enumerate(masks):
            assert abs(float(mask.mean())) < 0.064
            assert all(abs(float((mask != other).float().mean()) - 0.5) < 0.032 for other in masks[:first])

    def test_repeats(self):
        mask = self.mask("key")
        assert torch.equal(mask[..., :8], mask[..., 8:16])
        assert mask.shape == (1, 1, 96, 63)

    def test_is_the_same_for_ever(self):
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
                "layout": "lines",
                "width": 8,
            }
            | {"order": "message_first", "form": "map", "guess": "predict", "predict_blocks": 1, "levelled": True}
            | settings
        )


class TestKeyedNetwork:
    @pytest.mark.parametrize("layout", ["dense", "plain", "lines"])
    @pytest.mark.parametrize("form", ["wave", "map"])
    @pytest.mark.parametrize("guess", ["predict", "noise", "host"])
    def test_marks_and_reads(self, layout, form, guess):
        found = network(layout=layout, form=form, guess=guess)
        sound, messages = 0.1 * noise(3, 320), torch.randint(2, (3, 5), generator=seeded())
        key = random_block_keys(3, BLOCKS, "signs", seeded())
        mark = found.mark(sound, messages, key)
        assert mark.shape == sound.shape and mark.any()
        assert found.read(sound + mark, key).shape == (3, 5)
        assert torch.equal(found.read(sound, key), found.read(sound, key))

    def test_a_ratio_is_kept_for_each_utterance(self):
        sound = noise(3, 320) * torch.tensor([[0.01], [0.1], [1.0]])
        mark = network().mark(sound, torch.ones(3, 5), plain_key(3, BLOCKS), ratio=30.0)
        ratios = 10 * torch.log10(sound.square().sum(1) / mark.square().sum(1))
        torch.testing.assert_close(ratios, torch.full((3,), 30.0), atol=0.01, rtol=0)

    def test_the_mark_follows_the_level(self):
        sound, key = noise(1, 320), plain_key(1, BLOCKS)
        loud, quiet = (network().mark(gain * sound, torch.ones(1, 5), key) for gain in (1.0, 0.1))
        torch.testing.assert_close(0.1 * loud, quiet, atol=1e-6, rtol=1e-3)
        torch.testing.assert_close(network().read(sound, key), network().read(0.1 * sound, key), atol=1e-4, rtol=1e-3)

    def test_signs_are_taken_out_again(self):
        """With a mask, a network that changes nothing still changes nothing."""
        found, sound = network(), noise(2, 320)
        for block in found.invertible.blocks:
            block.phi[-2].weight.data.zero_()
        key = random_mask_keys(2, BLOCKS, BINS, 11, 4, seeded())
        assert not found.mark(sound, torch.ones(2, 5), key).any()

    def test_silence_is_finite(self):
        mark = network().mark(torch.zeros(1, 320), torch.ones(1, 5), plain_key(1, BLOCKS), ratio=40.0)
        assert mark.isfinite().all() and mark.abs().max() < 1e-4
