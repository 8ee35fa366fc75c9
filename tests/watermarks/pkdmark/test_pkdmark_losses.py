"""What PKDMark's teacher and students are taught."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_pkdmark import CPU, message, seeded, teacher
from toy_speech import RATE, hum

from sanguinaria.distortions._attack_layer import AttackLayer
from sanguinaria.watermarks._invertible.discriminator import Discriminator
from sanguinaria.watermarks._pkdmark import training as pkdmark_training
from sanguinaria.watermarks._pkdmark.losses import decoding, multi_scale_stft, undetected
from sanguinaria.watermarks._pkdmark.network import student_of
from sanguinaria.watermarks.pkdmark import distillation
from sanguinaria.watermarks.pkdmark.distillation import StudentSchedule


class TestLosses:
    def test_spectra_are_compared_by_eq_2(self):
        speech, marked = hum(2, 4000), hum(2, 4000) + 0.01 * torch.randn(2, 4000)
        expected = []
        for size in (32, 64, 128, 256, 512, 1024, 2048):
            window = np.hanning(size + 1)[:-1]
            levels = []
            for waveforms in (speech, marked):
                padded = np.pad(waveforms.numpy(), ((0, 0), (size // 2, size // 2)), mode="reflect")
                frames = np.lib.stride_tricks.sliding_window_view(padded, size, 1)[:, :: size // 4] * window
                levels.append(np.abs(np.fft.rfft(frames)) / np.sqrt(size))
            difference = levels[0] - levels[1]
            expected.append(np.abs(difference).mean() + np.square(difference).mean())
        assert float(multi_scale_stft(speech, marked)) == pytest.approx(np.mean(expected), rel=1e-3)
        assert float(multi_scale_stft(speech, speech)) == 0

    def test_decoding_is_eq_3_and_without_maps_eq_9(self):
        messages, found = torch.tensor([[0, 1], [1, 1]]), torch.tensor([[0.5, 1.0], [0.0, 2.0]])
        maps = torch.zeros(2, 2, 3, 4), torch.full((2, 2, 3, 4), 0.5)
        assert float(decoding(messages, found)) == pytest.approx((0.25 + 0 + 1 + 1) / 4)
        assert float(decoding(messages, found, *maps, weight=0.4)) == pytest.approx(2.25 / 4 + 0.4 * 0.25)

    def test_the_encoder_is_to_stay_undetected(self):
        judge, marked = seeded(Discriminator), hum(3, 4000).requires_grad_()
        loss = undetected(judge, marked)
        chance = 1 - judge(marked).sigmoid()  # D, that it is marked
        torch.testing.assert_close(loss, -(1 - chance).log().mean())
        loss.backward()
        assert marked.grad is not None and marked.grad.any()
        assert all(weight.grad is None and weight.requires_grad for weight in judge.parameters())

    def test_a_student_s_step_is_eq_7_to_11(self, tmp_path, monkeypatch):
        """The history of one step, against a calculation by hand."""
        network, judge = seeded(teacher().network), seeded(Discriminator)
        small = seeded(lambda: student_of(network, 2, 2))
        speech, messages = hum(2, RATE), torch.stack([message(6), message(6, 1)])
        own, theirs = small.mark(speech, messages).detach(), network.mark(speech, messages).detach()
        mixed = speech + 0.1 * own + 0.9 * theirs
        expected = {
            "perceptual": float((own - theirs).square().mean()),
            "decoding": float((network.read(mixed) - messages).square().mean().detach()),
            "adversarial": float(undetected(judge, speech + own).detach()),
            "mix": 0.1,
        }
        monkeypatch.setattr(distillation, "random_crops", lambda *_: speech)
        monkeypatch.setattr(distillation, "random_messages", lambda *_: messages)
        history = distillation.train_student(
            small,
            seeded(teacher().network),
            distillation.Teacher(network, judge),
            speech,
            torch.zeros(0, 0),
            pkdmark_training.Weights(1.0, 1.0, 1.0),
            AttackLayer([], RATE),
            StudentSchedule(
                steps=1,
                batch_size=2,
                crop=RATE,
                learning_rate=1e-3,
                window=0,
                seed=0,
                distillation="progressive",
                progressive=10,
                ratio=None,
            ),
            tmp_path / "checkpoint.pt",
            CPU,
        )
        assert {name: history[0][name] for name in expected} == pytest.approx(expected, rel=1e-4)
