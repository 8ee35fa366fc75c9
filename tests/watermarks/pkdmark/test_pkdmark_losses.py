"""Losses of PKDMark's teacher and student, against calculations by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_pkdmark import CPU, message, seeded, student_schedule, teacher
from toy_speech import RATE, harmonic_tones

from sanguinaria.distortions._attack_layer import AttackLayer
from sanguinaria.watermarks._invertible.discriminator import Discriminator
from sanguinaria.watermarks._pkdmark.losses import LossWeights, decoding_loss
from sanguinaria.watermarks.pkdmark import distillation
from sanguinaria.watermarks.pkdmark.network import student_of
from sanguinaria.watermarks.pkdmark_teacher.losses import multi_scale_stft_loss


class TestLosses:
    def test_multi_scale_stft_loss_is_eq_2(self):
        speech, marked = harmonic_tones(2, 4000), harmonic_tones(2, 4000) + 0.01 * torch.randn(2, 4000)
        expected = []
        for size in (32, 64, 128, 256, 512, 1024, 2048):
            window = np.hanning(size + 1)[:-1]
            magnitudes = []
            for waveforms in (speech, marked):
                padded = np.pad(waveforms.numpy(), ((0, 0), (size // 2, size // 2)), mode="reflect")
                frames = np.lib.stride_tricks.sliding_window_view(padded, size, 1)[:, :: size // 4] * window
                magnitudes.append(np.abs(np.fft.rfft(frames)) / np.sqrt(size))
            difference = magnitudes[0] - magnitudes[1]
            expected.append(np.abs(difference).mean() + np.square(difference).mean())
        assert float(multi_scale_stft_loss(speech, marked)) == pytest.approx(np.mean(expected), rel=1e-3)
        assert float(multi_scale_stft_loss(speech, speech)) == 0

    def test_decoding_loss_is_eq_3_and_without_feature_maps_eq_9(self):
        messages, decoded = torch.tensor([[0, 1], [1, 1]]), torch.tensor([[0.5, 1.0], [0.0, 2.0]])
        maps = torch.zeros(2, 2, 3, 4), torch.full((2, 2, 3, 4), 0.5)
        assert float(decoding_loss(messages, decoded)) == pytest.approx((0.25 + 0 + 1 + 1) / 4)
        assert float(decoding_loss(messages, decoded, *maps, weight=0.4)) == pytest.approx(2.25 / 4 + 0.4 * 0.25)

    def test_adversarial_loss_is_eq_5(self):
        discriminator, marked = seeded(Discriminator), harmonic_tones(3, 4000).requires_grad_()
        loss = discriminator.non_saturating_loss(marked)
        detection = 1 - discriminator(marked).sigmoid()  # D, the probability of a mark
        torch.testing.assert_close(loss, -(1 - detection).log().mean())
        loss.backward()
        assert marked.grad is not None and marked.grad.any()
        assert all(weight.grad is None and weight.requires_grad for weight in discriminator.parameters())

    def test_a_student_s_training_step_is_eq_7_to_11(self, tmp_path, monkeypatch):
        """The history of one step, against a calculation by hand."""
        network, discriminator = seeded(teacher().network), seeded(Discriminator)
        small = seeded(lambda: student_of(network, 2, 2))
        speech, messages = harmonic_tones(2, RATE), torch.stack([message(6), message(6, 1)])
        student_marks, teacher_marks = small.mark(speech, messages).detach(), network.mark(speech, messages).detach()
        mixed = speech + 0.1 * student_marks + 0.9 * teacher_marks
        expected = {
            "perceptual": float((student_marks - teacher_marks).square().mean()),
            "decoding": float((network.decode(mixed) - messages).square().mean().detach()),
            "adversarial": float(discriminator.non_saturating_loss(speech + student_marks).detach()),
            "alpha": 0.1,
        }
        monkeypatch.setattr(distillation, "random_crops", lambda *_: speech)
        monkeypatch.setattr(distillation, "random_messages", lambda *_: messages)
        training = distillation.StudentTraining(
            student=small,
            decoder=seeded(teacher().network),
            teacher=distillation.Teacher(network, discriminator),
            waveforms=speech,
            held_out=torch.zeros(0, 0),
            weights=LossWeights(perceptual=1.0, decoding=1.0, adversarial=1.0),
            attacks=AttackLayer([], RATE),
            schedule=student_schedule(steps=1, batch_size=2, crop=RATE, progressive_steps=10),
            device=CPU,
        )
        history = training.run(tmp_path / "checkpoint.pt")
        assert {name: history[0][name] for name in expected} == pytest.approx(expected, rel=1e-4)
