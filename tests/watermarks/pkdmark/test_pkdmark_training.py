"""Training of PKDMark: both kinds of distillation, and resumption of an interrupted training."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from generators import assert_resumes
from small_pkdmark import CPU, entry, message, student, student_schedule, teacher
from toy_speech import RATE, equal_weights, harmonic_tones

from sanguinaria.core.references import Reference
from sanguinaria.distortions._attack_layer import AttackLayer
from sanguinaria.watermarks import Sources
from sanguinaria.watermarks._pkdmark.settings import PkdSettings
from sanguinaria.watermarks._weights import load_marker, load_weights, save_weights
from sanguinaria.watermarks.pkdmark import distillation
from sanguinaria.watermarks.pkdmark_teacher import training as teacher_training


class TestAlpha:
    def test_rises_linearly_from_a_tenth_to_1(self):
        alpha = student_schedule().alpha
        assert alpha(0) == 0.1 and alpha(20_000) == pytest.approx(0.55)
        assert alpha(39_999) < 1 and alpha(40_000) == alpha(49_999) == 1

    def test_is_1_in_direct_distillation(self):
        assert {student_schedule(distillation="direct").alpha(step) for step in (0, 10, 49_999)} == {1.0}

    @pytest.mark.parametrize(
        ("settings", "is_trained"), [({"joint_steps": 0}, False), ({"distillation": "direct"}, True)]
    )
    def test_the_decoder_is_trained_only_where_alpha_is_1(
        self, tmp_path, corpus, teacher_weights, settings, is_trained
    ):
        weights = student(**settings).obtain(Sources(audio=(corpus,), base=teacher_weights, folder=tmp_path))
        before = load_weights(teacher_weights)[1]
        same = [
            torch.equal(weight, before[name.replace("decoder", "network", 1)])
            for name, weight in weights.items()
            if name.startswith("decoder.")
        ]
        assert same and all(same) is not is_trained


class TestTraining:
    def test_teacher_end_to_end(self, tmp_path, corpus):
        sources = Sources(audio=(corpus,), folder=tmp_path / "made")
        save_weights(teacher(), sources, tmp_path / "weights.safetensors")
        assert [path.name for path in sources.folder.iterdir()] == ["history.csv"]
        history = pd.read_csv(sources.folder / "history.csv")
        names = {"decoding", "perceptual", "adversarial", "discriminator", "validation_distorted_bit_error_rate"}
        assert names < set(history.columns) and history.notna().all(axis=None)
        plugin, weights = load_weights(tmp_path / "weights.safetensors")
        assert plugin == teacher()
        self.same(plugin.load(weights, RATE, CPU), load_marker(tmp_path / "weights.safetensors", RATE, CPU))

    def test_the_ratio_under_a_bound_is_the_teacher_s_and_the_student_s(self, tmp_path, corpus):
        bounded = teacher(curriculum=True, error_bound=0.4, ratio=30.0, unmarked_weight=1.0, perceptual="audibility")
        path = tmp_path / "weights.safetensors"
        save_weights(bounded, Sources(audio=(corpus,), folder=tmp_path / "made"), path)
        weights = load_weights(path)[1]
        # Two steps of nothing decoded leave the ratio where it began.
        assert float(weights["ratio"]) == 8.0 and load_marker(path, RATE, CPU).ratio == 8.0
        sources = Sources(audio=(corpus,), base=path, folder=tmp_path / "student")
        small = student(bounded, unmarked_weight=1.0)
        assert small.load(small.obtain(sources), RATE, CPU).ratio == 8.0

    @pytest.mark.parametrize("kind", ["progressive", "direct"])
    def test_student_end_to_end(self, tmp_path, corpus, teacher_weights, kind):
        plugin = student(distillation=kind)
        named = plugin.model_copy(update={"base": Reference("watermarks", result="the key of the teacher")})
        sources = Sources(audio=(corpus,), base=teacher_weights, folder=tmp_path / "made")
        save_weights(named, sources, tmp_path / "weights.safetensors")
        history = pd.read_csv(sources.folder / "history.csv")
        assert {"decoding", "perceptual", "adversarial", "alpha", "validation_snr"} < set(history.columns)
        weights = load_weights(tmp_path / "weights.safetensors")[1]
        self.same(plugin.load(weights, RATE, CPU), load_marker(tmp_path / "weights.safetensors", RATE, CPU))

    def same(self, first, second):
        speech = harmonic_tones(2, RATE)
        assert torch.equal(first.watermark(speech, message()), second.watermark(speech, message()))
        assert all(torch.equal(a, b) for a, b in zip(first.detect(speech), second.detect(speech), strict=True))

    @pytest.mark.parametrize(
        "settings",
        [
            {
                "message_encoding": "waveform",
                "perceptual": "l2",
                "adversarial_weight": 0.0,
                "map_weight": 0.0,
                "distortions": (),
            },
            {"layout": "plain", "level_normalised": True, "curriculum": True},
            {"layout": "dense", "ratio": 30.0, "hop": 150},
        ],
    )
    def test_every_setting_trains_a_teacher_and_its_student(self, tmp_path, corpus, settings):
        plugin, path = teacher(**settings), tmp_path / "weights.safetensors"
        save_weights(plugin, Sources(audio=(corpus,), folder=tmp_path / "teacher"), path)
        weights = load_weights(path)[1]
        assert all(tensor.isfinite().all() for tensor in weights.values())
        assert any(name.startswith("discriminator.") for name in weights) is bool(plugin.adversarial_weight)
        sources = Sources(audio=(corpus,), base=path, folder=tmp_path / "student")
        small = student(plugin).obtain(sources)
        assert all(tensor.isfinite().all() for tensor in small.values())
        assert not equal_weights(small, student(plugin, seed=1).obtain(sources))

    @pytest.mark.parametrize("which", ["teacher", "student"])
    def test_an_interrupted_training_resumes_to_the_same_weights(
        self, tmp_path, corpus, teacher_weights, monkeypatch, which
    ):
        plugin: PkdSettings = teacher(steps=5) if which == "teacher" else student(progressive_steps=3, joint_steps=2)
        module = teacher_training if which == "teacher" else distillation
        sources = {"audio": (corpus,), "base": teacher_weights}
        assert_resumes(plugin, sources, module, tmp_path, monkeypatch)

    def test_attack_layer_applies_one_distortion_to_a_batch_and_keeps_its_length(self):
        attacks = AttackLayer([entry("gain", factor=0.5), entry("speed", factor=1.25)], RATE)
        speech, random = harmonic_tones(2, RATE), torch.Generator().manual_seed(0)
        outputs = [attacks(speech, random) for _ in range(8)]
        assert all(each.shape == speech.shape for each in outputs)
        halved = [torch.equal(each, 0.5 * speech) for each in outputs]
        assert any(halved) and not all(halved)
        assert AttackLayer([], RATE)(speech, random) is speech
        seldom = AttackLayer([entry("gain", factor=0.5)], RATE, undistorted_share=0.75)
        # Of a hundred steps 25 are expected, with a standard deviation of 4.3.
        assert 10 <= sum(seldom(speech, random) is not speech for _ in range(100)) <= 40
