"""Bloodroot-FT: its objectives, its adapters, and which weights of the base it changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from toy_speech import RATE, equal_weights, harmonic_tones, random_audioseal, write_corpus

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.front_ends.log_mel import LogMel
from sanguinaria.nn import step_training
from sanguinaria.nn.step_training import Schedule
from sanguinaria.watermarks import Sources, WeightsError
from sanguinaria.watermarks._audioseal.augmentation import Augmentation
from sanguinaria.watermarks._audioseal.forward import generate_watermark
from sanguinaria.watermarks._audioseal.surrogate import Surrogate
from sanguinaria.watermarks._weights import load_marker, load_weights, save_weights
from sanguinaria.watermarks.bloodroot_ft import BloodrootFT, fine_tuning, lora
from sanguinaria.watermarks.bloodroot_ft import losses as bloodroot_losses
from sanguinaria.watermarks.perth import Perth

CPU = torch.device("cpu")
OBJECTIVES = ["paper", "surrogate"]
MESSAGE = torch.tensor([1, 0, 0, 1])


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Sources:
    """A base and a corpus."""
    folder = tmp_path_factory.mktemp("inputs")
    save_weights(random_audioseal(), Sources(folder=folder), folder / "base.safetensors")
    corpus = write_corpus(folder / "a.parquet", harmonic_tones(12, 4000).numpy(), ["train", "train", "test"] * 4)
    return Sources(audio=(corpus,), base=folder / "base.safetensors")


def at(inputs: Sources, folder: Path) -> Sources:
    return Sources(audio=inputs.audio, base=inputs.base, folder=folder)


def tuned(**settings: Any) -> BloodrootFT:
    small = {"base": "b", "corpus": "c", "bits": 4, "steps": 3, "batch_size": 4, "crop": 0.1, "rank": 4}
    return BloodrootFT(**small | {"learning_rate": 1e-3} | settings)


def surrogate_objective(network, detector, augmentation: Augmentation, masking_weight: float) -> fine_tuning.Objective:
    return fine_tuning.surrogate_objective(
        network,
        detector,
        window=0,
        masking_weight=masking_weight,
        augmentation=augmentation,
        sample_rate=RATE,
        precision="float32",
        device=CPU,
    )


def paper_objective(generator: Any, window: int) -> fine_tuning.Objective:
    return fine_tuning.paper_objective(
        generator, window=window, strength=5.0, sample_rate=RATE, precision="float32", device=CPU
    )


def networks() -> list[Any]:
    plugin = random_audioseal()
    return [plugin.network(part, plugin.obtain()).requires_grad_(False) for part in ("generator", "detector")]


class TestObjectives:
    def test_paper_is_the_weighted_sum_of_the_four_losses(self):
        generator, _ = networks()
        speech, marks = 0.1 * torch.randn(2, 2, 3000, generator=torch.Generator().manual_seed(0))
        messages = torch.tensor([[1, 0, 0, 1], [0, 1, 1, 1]])
        batch = fine_tuning.Batch(speech, marks, messages, torch.Generator())
        parts = {name: float(part) for name, part in paper_objective(generator, 400)(batch).items()}
        base_marks = generate_watermark(generator, speech, messages, 400)
        expected = {
            "supervised": 20_000 * float((marks - 5 * base_marks).abs().mean()),
            "stft": 10 * float(bloodroot_losses.multi_scale_stft(speech + marks, speech)),
            "mel": 10 * float(bloodroot_losses.log_mel_distance(RATE, CPU)(speech + marks, speech)),
            "amplitude": 0.1 * float(marks.square().mean()),
        }
        assert parts == pytest.approx(expected)

    def test_an_untrained_adapter_misses_the_target_by_all_but_one_mark(self):
        generator, _ = networks()
        speech, messages = harmonic_tones(2, 2000), torch.tensor([[1, 0, 0, 1], [0, 1, 1, 1]])
        marks = generate_watermark(generator, speech, messages)
        batch = fine_tuning.Batch(speech, marks, messages, torch.Generator())
        parts = paper_objective(generator, 0)(batch)
        assert float(parts["supervised"]) == pytest.approx(20_000 * 4 * float(marks.abs().mean()), rel=1e-5)

    @pytest.mark.parametrize("masking_weight", [0.0, 2.0])
    def test_the_surrogates_input_is_marked_audio_followed_by_clean(self, masking_weight):
        _, detector = networks()
        augmentation = Augmentation(0.0, (3000.0, 4000.0), RATE, CPU)
        inputs = []

        class Network(torch.nn.Module):
            def forward(self, waveforms):
                inputs.append(LogMel().transform(RATE, CPU)(waveforms).mean((1, 2)))
                return torch.stack([-inputs[-1], inputs[-1]], dim=1)

        objective = surrogate_objective(Network(), detector, augmentation, masking_weight)
        speech = 0.01 * harmonic_tones(3, 2000)
        marks = 0.01 * torch.randn(3, 2000, generator=torch.Generator().manual_seed(0))
        parts = objective(fine_tuning.Batch(speech, marks, torch.zeros(3, 4), torch.Generator().manual_seed(0)))
        assert parts.keys() == {"surrogate", "detection", "message", "audibility"}
        assert inputs[0][:3].min() > inputs[0][3:].max()
        signs = torch.tensor([1, 1, 1, -1, -1, -1])
        assert float(parts["surrogate"]) == pytest.approx(
            float(torch.log1p(torch.exp(-2 * signs * inputs[0])).mean()), rel=1e-2
        )
        assert (float(parts["audibility"]) > 0) == (masking_weight > 0)

    def test_the_detector_is_differentiated_and_not_changed(self):
        _, detector = networks()
        before = {name: tensor.clone() for name, tensor in detector.state_dict().items()}
        augmentation = Augmentation(0.5, (3000.0, 4000.0), RATE, CPU)
        objective = surrogate_objective(Surrogate(RATE, CPU), detector, augmentation, 1.0)
        marks = harmonic_tones(3, 2000, seed=1).requires_grad_()
        parts = objective(fine_tuning.Batch(harmonic_tones(3, 2000), marks, torch.zeros(3, 4), torch.Generator()))
        for name in ("surrogate", "detection", "message", "audibility"):
            assert torch.autograd.grad(parts[name], marks, retain_graph=True)[0].any()
        assert equal_weights(before, detector.state_dict())
        assert all(weight.grad is None for weight in detector.parameters())


def test_every_step_draws_its_own_crops_and_messages(tmp_path):
    generator, adapted = networks()[0], networks()[0]
    adapted.decoder.model = lora.add_adapter(adapted.decoder.model, 4, 8.0)
    batches = []

    def objective(batch: fine_tuning.Batch) -> dict[str, torch.Tensor]:
        batches.append(batch)
        return {"loss": (batch.marks - 2 * base_marks(batch)).abs().mean()}

    def base_marks(batch: fine_tuning.Batch) -> torch.Tensor:
        return generate_watermark(generator, batch.speech, batch.messages, 400)

    schedule = Schedule(steps=4, batch_size=4, crop=800, learning_rate=0.01, window=400, seed=0)
    trained = torch.nn.ModuleDict({"decoder": adapted.decoder.model})
    fine_tuning.train_adapter(
        adapted,
        trained,
        objective,
        waveforms=harmonic_tones(6, 2000),
        schedule=schedule,
        checkpoint=tmp_path / "a.pt",
        device=CPU,
    )
    for batch in batches:
        assert batch.speech.shape == batch.marks.shape == (4, 800)
    # The untrained adapter gives the base's marks; the trained one does not.
    assert torch.equal(batches[0].marks, base_marks(batches[0]))
    assert not torch.allclose(batches[3].marks, base_marks(batches[3]))
    assert not torch.equal(batches[0].messages, batches[1].messages)
    assert not torch.equal(batches[0].speech, batches[1].speech)


class TestBloodrootFT:
    @pytest.mark.parametrize("objective", OBJECTIVES)
    def test_end_to_end(self, tmp_path, inputs, objective):
        sources = at(inputs, tmp_path / "made")
        save_weights(tuned(objective=objective), sources, tmp_path / "weights.safetensors")
        assert {path.name for path in sources.folder.iterdir()} == {"history.csv", "adapter"}
        assert np.isfinite(pd.read_csv(sources.folder / "history.csv").to_numpy()).all()

        reader, weights = load_weights(tmp_path / "weights.safetensors")
        base_reader, base = load_weights(inputs.base)
        assert reader == base_reader
        assert weights.keys() == base.keys()
        changed = {name for name in base if not torch.equal(weights[name], base[name])}
        decoder = base_reader.network("generator", base).decoder.model
        convolutions = {name for name, layer in decoder.named_modules() if isinstance(layer, torch.nn.Conv1d)}
        assert changed == {f"generator.decoder.model.{name}.weight" for name in convolutions}

        marker = load_marker(tmp_path / "weights.safetensors", RATE, CPU)
        assert marker.watermark(harmonic_tones(2, 3001), MESSAGE).shape == (2, 3001)

    def test_the_written_adapter_gives_the_same_weights(self, tmp_path, inputs):
        trained = tuned().obtain(at(inputs, tmp_path / "a"))
        again = tuned(adapter=tmp_path / "a" / "adapter").obtain(at(inputs, tmp_path / "b"))
        assert equal_weights(trained, again)
        assert not (tmp_path / "b" / "history.csv").exists()

    @pytest.mark.parametrize("objective", OBJECTIVES)
    def test_weights_depend_on_the_seed_alone(self, tmp_path, inputs, objective):
        state = torch.random.get_rng_state()
        first, second, other = (
            tuned(objective=objective, seed=seed).obtain(at(inputs, tmp_path / name))
            for name, seed in (("a", 0), ("b", 0), ("c", 1))
        )
        assert equal_weights(first, second)
        assert not equal_weights(first, other)
        assert torch.equal(torch.random.get_rng_state(), state)

    @pytest.mark.parametrize("objective", OBJECTIVES)
    @pytest.mark.parametrize("killed_at", [1, 4, 5])
    def test_a_killed_training_resumes_to_the_same_weights(self, tmp_path, inputs, monkeypatch, objective, killed_at):
        monkeypatch.setattr(step_training, "CHECKPOINT_INTERVAL", 2)
        plugin = tuned(objective=objective, steps=6)
        whole = plugin.obtain(at(inputs, tmp_path / "whole"))
        draw, drawn = fine_tuning.random_crops, []

        def killed(*arguments):
            drawn.append(1)
            if len(drawn) > killed_at:
                raise KeyboardInterrupt
            return draw(*arguments)

        monkeypatch.setattr(fine_tuning, "random_crops", killed)
        with pytest.raises(KeyboardInterrupt):
            plugin.obtain(at(inputs, tmp_path / "killed"))
        assert (tmp_path / "killed" / "checkpoint.pt").exists() == (killed_at > 1)
        monkeypatch.setattr(fine_tuning, "random_crops", draw)
        assert equal_weights(plugin.obtain(at(inputs, tmp_path / "killed")), whole)
        assert not (tmp_path / "killed" / "checkpoint.pt").exists()
        histories = [(tmp_path / name / "history.csv").read_text() for name in ("whole", "killed")]
        assert histories[0] == histories[1]

    def test_the_papers_loss_decreases(self, tmp_path, inputs, monkeypatch):
        monkeypatch.setattr(step_training, "CHECKPOINT_INTERVAL", 10)
        tuned(steps=40).obtain(at(inputs, tmp_path))
        history = pd.read_csv(tmp_path / "history.csv")
        assert history["step"].tolist() == [10, 20, 30, 40]
        total = history.drop(columns="step").sum(axis=1)
        assert total.is_monotonic_decreasing
        assert total.iloc[-1] < 0.7 * total.iloc[0]

    def test_utterances_shorter_than_a_crop_are_an_error(self, tmp_path, inputs):
        with pytest.raises(InputError, match="4000 samples, fewer than a crop of 8000"):
            tuned(crop=0.5).obtain(at(inputs, tmp_path))

    def test_an_adapter_of_another_rank_or_a_missing_one_is_an_error(self, tmp_path, inputs):
        tuned().obtain(at(inputs, tmp_path))
        with pytest.raises(WeightsError, match="its rank is 4, not 8"):
            tuned(adapter=tmp_path / "adapter", rank=8).obtain(at(inputs, tmp_path / "a"))
        with pytest.raises(WeightsError, match=r"no adapter_config\.json"):
            tuned(adapter=tmp_path / "absent").obtain(at(inputs, tmp_path / "a"))

    def test_an_adapter_of_another_decoder_is_an_error(self, tmp_path, inputs):
        tuned().obtain(at(inputs, tmp_path))
        save_weights(random_audioseal(filters=8), Sources(folder=tmp_path), tmp_path / "other.safetensors")
        sources = Sources(audio=inputs.audio, base=tmp_path / "other.safetensors", folder=tmp_path / "a")
        with pytest.raises(WeightsError, match="not an adapter of this decoder"):
            tuned(adapter=tmp_path / "adapter").obtain(sources)

    def test_the_fingerprint_depends_on_the_adapter(self, tmp_path, inputs):
        for seed in (0, 1):
            tuned(seed=seed).obtain(at(inputs, tmp_path / str(seed)))
        fingerprints = {tuned(adapter=tmp_path / str(seed) / "adapter").fingerprint() for seed in (0, 1)}
        assert len(fingerprints) == 2
        assert tuned().fingerprint() == ""

    def test_problems_of_settings(self, tmp_path):
        corpus = plugins.build("corpora", {"kind": "folder", "path": "x", "sample_rate": 8_000, "duration": 0.25})
        good = corpus.model_copy(update={"sample_rate": RATE})
        assert not list(tuned().problems({"base": random_audioseal(), "corpus": good}))
        assert dict(tuned(crop=0.5).problems({"base": Perth(), "corpus": corpus})).keys() == {"base", "corpus", "crop"}
        assert dict(tuned(bits=16).problems({"base": random_audioseal(), "corpus": good})) == {
            "bits": "'b' carries 4 bits, not 16"
        }
        (tmp_path / "adapter_config.json").write_text(json.dumps({}))
        problems = dict(tuned(adapter=tmp_path).problems({"base": random_audioseal(), "corpus": good}))
        assert "no adapter_model.safetensors" in problems["adapter"]

    @pytest.mark.parametrize("cutoffs", [(4000.0, 3000.0), (3000.0, 8000.0), (0.0, 3000.0)])
    def test_impossible_cutoffs_are_refused(self, cutoffs):
        with pytest.raises(ValidationError, match="cutoffs should be ascending"):
            tuned(cutoffs=cutoffs)
