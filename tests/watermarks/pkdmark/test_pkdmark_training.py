"""Training PKDMark: both kinds of distillation, and a killed one that goes on."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from generators import assert_resumes
from small_pkdmark import CPU, entry, message, student, teacher
from toy_speech import RATE, equal, hum

from sanguinaria.distortions._attack_layer import AttackLayer
from sanguinaria.watermarks import Sources
from sanguinaria.watermarks._pkdmark import training as pkdmark_training
from sanguinaria.watermarks._pkdmark.settings import PkdSettings
from sanguinaria.watermarks._weights import load_marker, load_weights, save_weights
from sanguinaria.watermarks.pkdmark import distillation
from sanguinaria.watermarks.pkdmark.distillation import StudentSchedule


class TestMix:
    def schedule(self, kind: distillation.Distillation = "progressive") -> StudentSchedule:
        return StudentSchedule(
            steps=50_000,
            batch_size=16,
            crop=24_000,
            learning_rate=1e-4,
            window=0,
            seed=0,
            distillation=kind,
            progressive=40_000,
            ratio=None,
        )

    def test_rises_from_a_tenth_to_one_in_a_straight_line(self):
        mix = self.schedule().mix
        assert mix(0) == 0.1 and mix(20_000) == pytest.approx(0.55)
        assert mix(39_999) < 1 and mix(40_000) == mix(49_999) == 1

    def test_direct_distillation_is_the_student_s_alone(self):
        assert {self.schedule("direct").mix(step) for step in (0, 10, 49_999)} == {1.0}

    @pytest.mark.parametrize(("settings", "learns"), [({"joint_steps": 0}, False), ({"distillation": "direct"}, True)])
    def test_the_decoder_learns_only_with_the_student_alone(self, tmp_path, corpus, taught, settings, learns):
        weights = student(**settings).obtain(Sources(audio=(corpus,), base=taught, folder=tmp_path))
        before = load_weights(taught)[1]
        same = [
            torch.equal(weight, before[name.replace("decoder", "network", 1)])
            for name, weight in weights.items()
            if name.startswith("decoder.")
        ]
        assert same and all(same) is not learns


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

    @pytest.mark.parametrize("kind", ["progressive", "direct"])
    def test_student_end_to_end(self, tmp_path, corpus, taught, kind):
        plugin = student(distillation=kind)
        named = plugin.model_copy(update={"base": "the key of the teacher's stage"})
        sources = Sources(audio=(corpus,), base=taught, folder=tmp_path / "made")
        save_weights(named, sources, tmp_path / "weights.safetensors")
        history = pd.read_csv(sources.folder / "history.csv")
        assert {"decoding", "perceptual", "adversarial", "mix", "validation_snr"} < set(history.columns)
        weights = load_weights(tmp_path / "weights.safetensors")[1]
        self.same(plugin.load(weights, RATE, CPU), load_marker(tmp_path / "weights.safetensors", RATE, CPU))

    def same(self, first, second):
        speech = hum(2, RATE)
        assert torch.equal(first.watermark(speech, message()), second.watermark(speech, message()))
        assert all(torch.equal(a, b) for a, b in zip(first.detect(speech), second.detect(speech), strict=True))

    @pytest.mark.parametrize(
        "settings",
        [
            {"message": "wave", "perceptual": "l2", "adversarial_weight": 0.0, "map_weight": 0.0, "edits": ()},
            {"layout": "plain", "levelled": True, "quality": "gradual"},
            {"layout": "dense", "ratio": 30.0, "hop": 150},
        ],
    )
    def test_every_switch_trains_a_teacher_and_its_student(self, tmp_path, corpus, settings):
        plugin, path = teacher(**settings), tmp_path / "weights.safetensors"
        save_weights(plugin, Sources(audio=(corpus,), folder=tmp_path / "teacher"), path)
        weights = load_weights(path)[1]
        assert all(tensor.isfinite().all() for tensor in weights.values())
        assert any(name.startswith("discriminator.") for name in weights) is bool(plugin.adversarial_weight)
        sources = Sources(audio=(corpus,), base=path, folder=tmp_path / "student")
        small = student(plugin).obtain(sources)
        assert all(tensor.isfinite().all() for tensor in small.values())
        assert not equal(small, student(plugin, seed=1).obtain(sources))

    @pytest.mark.parametrize("which", ["teacher", "student"])
    def test_a_killed_training_resumes_to_the_same_weights(self, tmp_path, corpus, taught, monkeypatch, which):
        plugin: PkdSettings = teacher(steps=5) if which == "teacher" else student(progressive_steps=3, joint_steps=2)
        module = pkdmark_training if which == "teacher" else distillation
        sources = {"audio": (corpus,), "base": taught}
        assert_resumes(plugin, sources, module, tmp_path, monkeypatch)

    def test_one_attack_happens_to_a_batch_and_its_length_stays(self):
        attacks = AttackLayer([entry("gain", factor=0.5), entry("speed", factor=1.25)], RATE)
        speech, random = hum(2, RATE), torch.Generator().manual_seed(0)
        found = [attacks(speech, random) for _ in range(8)]
        assert all(each.shape == speech.shape for each in found)
        halved = [torch.equal(each, 0.5 * speech) for each in found]
        assert any(halved) and not all(halved)
        assert AttackLayer([], RATE)(speech, random) is speech
        seldom = AttackLayer([entry("gain", factor=0.5)], RATE, undistorted_share=0.75)
        # Of a hundred steps 25 are expected, with a standard deviation of 4.3.
        assert 10 <= sum(seldom(speech, random) is not speech for _ in range(100)) <= 40
