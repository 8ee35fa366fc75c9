"""What keyed watermarks are taught by, against hand computations."""

from __future__ import annotations

import math

import pytest
import torch

from sanguinaria.watermarks._invertible.discriminator import Discriminator
from sanguinaria.watermarks._invertible.losses import Accuracy, broad_weight, multi_scale_mel, wake_perceptual

RATE, CPU = 16_000, torch.device("cpu")


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class TestAccuracy:
    messages = torch.tensor([[1, 0]])

    def test_is_equation_3(self):
        # Of 1, a logit of ln 3 says ¾, and of 0, that of −ln 3 as much: both have an entropy of ln 4/3.
        right = torch.tensor([[math.log(3), -math.log(3)]])
        found = Accuracy(hinge=1000, threshold=0.5)(self.messages, right, right)
        assert float(found["message"]) == pytest.approx(math.log(4 / 3))
        assert float(found["wrong_key"]) == pytest.approx(1000 * (0.5 - math.log(4 / 3)), rel=1e-5)

    def test_the_paper_s_threshold_is_met_by_a_wrong_key_that_reads_nearly_all(self):
        wrong = torch.tensor([[4.0, -4.0]])  # an entropy of 0.018
        assert float(Accuracy(hinge=1000, threshold=0.01)(self.messages, wrong, wrong)["wrong_key"]) == 0

    def test_agreement_counts_on_both_sides_of_chance(self):
        for wrong, expected in (([2.0, -2.0], 1), ([-2.0, 2.0], 1), ([2.0, 2.0], 0)):
            found = Accuracy(agreement=3)(self.messages, torch.zeros(1, 2), torch.tensor([wrong]))["wrong_key"]
            assert float(found) == pytest.approx(3 * expected * math.tanh(1) ** 2)

    def test_a_quiet_wrong_key_is_asked_for_by_its_logits(self):
        found = Accuracy(quiet=2)(self.messages, torch.zeros(1, 2), torch.tensor([[3.0, 1.0]]))["wrong_key"]
        assert float(found) == pytest.approx(2 * 5)

    def test_without_a_wrong_key_there_is_nothing_to_ask(self):
        assert Accuracy(hinge=1, threshold=1)(self.messages, torch.zeros(1, 2), None)["wrong_key"] == 0


class TestPerceptual:
    def test_broad_weights_are_10_in_3_per_cent_at_either_end(self):
        weights = broad_weight(RATE)
        assert weights[:480].unique().tolist() == [10] and weights[-480:].unique().tolist() == [10]
        assert weights[480:-480].unique().tolist() == [1]

    def test_l2_is_the_mean_square(self):
        speech, mark = noise(2, 4000), 0.1 * noise(2, 4000, seed=1)
        found = wake_perceptual("l2", RATE, CPU)(speech, speech + mark)
        torch.testing.assert_close(found, mark.square().mean())

    def test_mel_adds_both_differences_of_seven_scales(self):
        speech, marked = noise(1, 4000), noise(1, 4000, seed=1)
        spectrograms = multi_scale_mel(RATE, CPU)
        pairs = list(zip(spectrograms(speech), spectrograms(marked), strict=True))
        assert [tuple(before.shape[1:]) for before, _ in pairs] == [(64, 1 + 4000 // (2**i // 4)) for i in range(5, 12)]
        differences = [(after - before) for before, after in pairs]
        expected = (marked - speech).square().mean() + 5 * sum(d.abs().mean() + d.square().mean() for d in differences)
        torch.testing.assert_close(wake_perceptual("mel", RATE, CPU)(speech, marked), expected)

    def test_a_mark_at_the_edge_weighs_more_with_broad_weights(self):
        speech = 0.1 * noise(1, RATE)
        marks = torch.zeros(2, RATE)
        marks[0, 100:400] = marks[1, 8000:8300] = 0.01
        ratios = {
            terms: [wake_perceptual(terms, RATE, CPU)(speech, speech + mark) for mark in marks]
            for terms in ("mel", "broad")
        }
        assert ratios["mel"][0] < 1.5 * ratios["mel"][1]
        assert ratios["broad"][0] > 5 * ratios["broad"][1]

    @pytest.mark.parametrize("terms", ["l2", "mel", "broad"])
    def test_has_a_slope_where_nothing_is_changed_yet(self, terms):
        speech = torch.zeros(1, 4000)
        marked = speech.clone().requires_grad_()
        wake_perceptual(terms, RATE, CPU)(speech, marked).backward()
        assert marked.grad.isfinite().all()


class TestDiscriminator:
    def test_each_side_is_taught_by_its_own_loss(self):
        judge, speech = Discriminator(), noise(2, 4000)
        mark = (0.1 * noise(2, 4000, seed=1)).requires_grad_()
        judge.deceived(speech + mark).backward()
        assert mark.grad.any() and all(weights.grad is None for weights in judge.parameters())
        mark.grad = None
        judge.judged(speech, speech + mark).backward()
        assert mark.grad is None and all(weights.grad is not None for weights in judge.parameters())

    def test_are_the_paper_s_terms(self):
        judge, speech, marked = Discriminator(), noise(2, 4000), noise(2, 4000, seed=1)
        with torch.no_grad():
            originals, others = judge(speech).sigmoid(), judge(marked).sigmoid()
            torch.testing.assert_close(judge.deceived(marked), (1 - others).log().mean())
            expected = -(originals.log().sum() + (1 - others).log().sum()) / 4
            torch.testing.assert_close(judge.judged(speech, marked), expected)
