"""Losses of keyed watermarks, against calculations by hand."""

from __future__ import annotations

import math

import pytest
import torch

from sanguinaria.watermarks._invertible.discriminator import Discriminator
from sanguinaria.watermarks._invertible.losses import AccuracyLoss
from sanguinaria.watermarks.wake.losses import broad_weight, multi_scale_mel, perceptual_loss

RATE, CPU = 16_000, torch.device("cpu")


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class TestAccuracyLoss:
    messages = torch.tensor([[1, 0]])

    def test_is_equation_3(self):
        # A logit of ln 3 gives a 1 the probability ¾, and −ln 3 gives a 0 as much: both have a cross-entropy of ln 4/3.
        logits = torch.tensor([[math.log(3), -math.log(3)]])
        losses = AccuracyLoss(hinge_weight=1000, hinge_threshold=0.5)(self.messages, logits, logits)
        assert float(losses["message"]) == pytest.approx(math.log(4 / 3))
        assert float(losses["wrong_key"]) == pytest.approx(1000 * (0.5 - math.log(4 / 3)), rel=1e-5)

    def test_a_wrong_key_that_decodes_nearly_all_bits_meets_the_paper_s_threshold(self):
        logits = torch.tensor([[4.0, -4.0]])  # a cross-entropy of 0.018
        losses = AccuracyLoss(hinge_weight=1000, hinge_threshold=0.01)(self.messages, logits, logits)
        assert float(losses["wrong_key"]) == 0

    def test_correlation_is_penalised_on_both_sides_of_chance(self):
        for wrong, expected in (([2.0, -2.0], 1), ([-2.0, 2.0], 1), ([2.0, 2.0], 0)):
            losses = AccuracyLoss(correlation_weight=3)(self.messages, torch.zeros(1, 2), torch.tensor([wrong]))
            assert float(losses["wrong_key"]) == pytest.approx(3 * expected * math.tanh(1) ** 2)

    def test_logits_of_a_wrong_key_are_penalised(self):
        losses = AccuracyLoss(logit_weight=2)(self.messages, torch.zeros(1, 2), torch.tensor([[3.0, 1.0]]))
        assert float(losses["wrong_key"]) == pytest.approx(2 * 5)

    def test_without_a_wrong_key_its_loss_is_0(self):
        assert AccuracyLoss(hinge_weight=1, hinge_threshold=1)(self.messages, torch.zeros(1, 2), None)["wrong_key"] == 0


class TestPerceptualLoss:
    def test_broad_weights_are_10_in_3_per_cent_at_either_end(self):
        weights = broad_weight(RATE)
        assert weights[:480].unique().tolist() == [10] and weights[-480:].unique().tolist() == [10]
        assert weights[480:-480].unique().tolist() == [1]

    def test_l2_is_the_mean_square(self):
        speech, mark = noise(2, 4000), 0.1 * noise(2, 4000, seed=1)
        loss = perceptual_loss("l2", RATE, CPU)(speech, speech + mark)
        torch.testing.assert_close(loss, mark.square().mean())

    def test_mel_adds_both_differences_of_seven_scales(self):
        speech, marked = noise(1, 4000), noise(1, 4000, seed=1)
        spectrograms = multi_scale_mel(RATE, CPU)
        pairs = list(zip(spectrograms(speech), spectrograms(marked), strict=True))
        assert [tuple(before.shape[1:]) for before, _ in pairs] == [(64, 1 + 4000 // (2**i // 4)) for i in range(5, 12)]
        differences = [(after - before) for before, after in pairs]
        expected = (marked - speech).square().mean() + 5 * sum(d.abs().mean() + d.square().mean() for d in differences)
        torch.testing.assert_close(perceptual_loss("mel", RATE, CPU)(speech, marked), expected)

    def test_a_mark_at_the_edge_weighs_more_with_broad_weights(self):
        speech = 0.1 * noise(1, RATE)
        marks = torch.zeros(2, RATE)
        marks[0, 100:400] = marks[1, 8000:8300] = 0.01
        ratios = {
            terms: [perceptual_loss(terms, RATE, CPU)(speech, speech + mark) for mark in marks]
            for terms in ("mel", "broad")
        }
        assert ratios["mel"][0] < 1.5 * ratios["mel"][1]
        assert ratios["broad"][0] > 5 * ratios["broad"][1]

    @pytest.mark.parametrize("terms", ["l2", "mel", "broad"])
    def test_gradient_of_an_unchanged_waveform_is_finite(self, terms):
        speech = torch.zeros(1, 4000)
        marked = speech.clone().requires_grad_()
        perceptual_loss(terms, RATE, CPU)(speech, marked).backward()
        assert marked.grad.isfinite().all()


class TestDiscriminator:
    def test_each_loss_has_a_gradient_for_one_side_only(self):
        discriminator, speech = Discriminator(), noise(2, 4000)
        mark = (0.1 * noise(2, 4000, seed=1)).requires_grad_()
        discriminator.saturating_loss(speech + mark).backward()
        assert mark.grad.any() and all(weights.grad is None for weights in discriminator.parameters())
        mark.grad = None
        discriminator.discriminator_loss(speech, speech + mark).backward()
        assert mark.grad is None and all(weights.grad is not None for weights in discriminator.parameters())

    def test_losses_are_the_paper_s_terms(self):
        discriminator, speech, marked = Discriminator(), noise(2, 4000), noise(2, 4000, seed=1)
        with torch.no_grad():
            unmarked_scores, marked_scores = discriminator(speech).sigmoid(), discriminator(marked).sigmoid()
            torch.testing.assert_close(discriminator.saturating_loss(marked), (1 - marked_scores).log().mean())
            expected = -(unmarked_scores.log().sum() + (1 - marked_scores).log().sum()) / 4
            torch.testing.assert_close(discriminator.discriminator_loss(speech, marked), expected)


def test_the_norm_of_eq_2_weighs_as_much_as_the_message_at_20_db_and_the_mean_square_does_not():
    # A second of noise 20 dB below speech of a power of 0.0025, times w_t1 = 10: 10 · √(16000 · 2.5e-5) and 2.5e-4.
    speech = torch.zeros(2, 16_000)
    marked = speech + 0.005 * torch.tensor([1.0, -1.0]).repeat(8000)
    norm, mean_square = (
        10 * perceptual_loss("l2", 16_000, CPU, how)(speech, marked) for how in ("norm", "mean_square")
    )
    assert norm.item() == pytest.approx(6.32, abs=0.01)
    assert mean_square.item() == pytest.approx(2.5e-4, rel=1e-4)


def test_the_norm_has_a_gradient_where_nothing_is_marked():
    marked = torch.zeros(2, 100, requires_grad=True)
    perceptual_loss("l2", 16_000, CPU, "norm")(torch.zeros(2, 100), marked).backward()
    assert marked.grad.isfinite().all()
