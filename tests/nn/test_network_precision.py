"""Generators and purifiers in bfloat16: losses fall and stay close to float32's, and weights stay in float32.

Where a processor does not compute in bfloat16, torch emulates it here.
"""

from typing import Any

import pandas as pd
import pytest
import torch
from generators import assert_resumes
from toy_speech import RATE, equal_weights, harmonic_tones, random_audioseal, write_corpus

from sanguinaria.core import devices, plugins
from sanguinaria.core.plugins import as_settings
from sanguinaria.nn import step_training
from sanguinaria.purifiers import TrainingInputs
from sanguinaria.watermarks import Sources
from sanguinaria.watermarks._invertible import training as keyed_training
from sanguinaria.watermarks._weights import save_weights

CPU = torch.device("cpu")
SMALL = {"corpus": "c", "batch_size": 4}
KEYED = {
    **SMALL,
    "bits": 4,
    "width": 16,
    "bins": 48,
    "predict_blocks": 1,
    "blocks": 2,
    "learning_rate": 1e-2,
    "double_embedding_share": 0.0,
}
STRONG = {"first_ratio": 0.0, "ratio": 0.0, "minimum_level": 0.0, "maximum_level": 0.0}
DIFFUSION = {**SMALL, "layers": 6, "channels": 8, "dilation_cycle": 6, "crop": 0.125, "learning_rate": 2e-3}
SPECTRUM = {"window": 256, "hop": 64, "attention_channels": 16, "condition_channels": 8}
INVERTIBLE = {**SMALL, "blocks": 2, "batch_size": 2, "fft": 256, "hop": 128, "first_bin": 4, "bins": 24}
STUDENT = {**SMALL, "blocks": 1, "batch_size": 2, "channels": 4}
WATERMARKS: dict[str, dict[str, Any]] = {
    "keyed_mask": KEYED | STRONG | {"steps": 5},
    "wake": INVERTIBLE | {"steps": 3, "bits": 8, "width": 4, "predict_blocks": 1},
    "pkdmark_teacher": INVERTIBLE | {"steps": 3, "channels": 4, "sample_rate": RATE},
    "pkdmark": STUDENT | {"base": "b", "progressive_steps": 2, "joint_steps": 2},
    "audioseal_trained": SMALL
    | {"steps": 3, "detector_steps": 3, "crop": 0.25, "filters": 4, "dimension": 16, "lstm": 0, "bits": 4}
    | {"surrogate_weight": 1.0},
    "bloodroot_ft": SMALL | {"base": "b", "bits": 4, "rank": 2, "steps": 3, "crop": 0.25},
}
PURIFIERS: dict[str, dict[str, Any]] = {
    "audiopure": DIFFUSION | {"steps": 6, "diffusion_steps": 20},
    "dap": DIFFUSION | SPECTRUM | {"steps": 6},
}


@pytest.fixture(autouse=True)
def bfloat16_everywhere(monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    devices.compute_dtype.cache_clear()
    yield
    devices.compute_dtype.cache_clear()


@pytest.fixture
def corpus(tmp_path):
    return write_corpus(tmp_path / "c.parquet", harmonic_tones(12, RATE).numpy(), ["train"] * 10 + ["validation"] * 2)


def watermark(kind: str, precision: str, **settings: Any):
    name = "training_precision" if kind == "audioseal_trained" else "precision"
    return plugins.build("watermarks", {"kind": kind, **WATERMARKS[kind], name: precision, **settings})


def base_of(kind: str, corpus, folder):
    """Weights that a kind is fine-tuned from; ``None`` for a kind without a base."""
    path = folder / "base.safetensors"
    if kind == "bloodroot_ft" and not path.exists():
        save_weights(random_audioseal(), Sources(), path, None)
    if kind == "pkdmark" and not path.exists():
        sources = Sources(audio=(corpus,), folder=folder / "base")
        save_weights(watermark("pkdmark_teacher", "float32"), sources, path, None)
    return path if path.exists() else None


def trained(kind: str, precision: str, corpus, folder) -> tuple[dict[str, torch.Tensor], pd.DataFrame]:
    """Weights and history of a training."""
    destination = folder / precision
    destination.mkdir(exist_ok=True)
    if kind in PURIFIERS:
        purifier = plugins.build("purifiers", {"kind": kind, **PURIFIERS[kind], "precision": precision})
        weights = purifier.train(TrainingInputs(audio=(corpus,), folder=destination, device=CPU))
    else:
        sources = Sources(audio=(corpus,), base=base_of(kind, corpus, folder), folder=destination, device=CPU)
        weights = watermark(kind, precision).obtain(sources)
    return weights, pd.read_csv(destination / "history.csv")


@pytest.mark.parametrize("kind", [*WATERMARKS, *PURIFIERS])
def test_losses_are_close_to_those_in_float32(tmp_path, corpus, kind):
    reference, expected = trained(kind, "float32", corpus, tmp_path)
    weights, history = trained(kind, "bfloat16", corpus, tmp_path)
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    assert not equal_weights(weights, reference)
    assert list(history) == list(expected)
    for column in history.columns.drop([name for name in history if "bit" in name]):
        assert history[column].tolist() == pytest.approx(expected[column].tolist(), rel=0.03, abs=1e-3, nan_ok=True)


@pytest.mark.parametrize("kind", ["audiopure", "dap"])
def test_purification_is_close_to_that_in_float32(tmp_path, corpus, kind):
    speech = harmonic_tones(2, 4000)
    purifier = plugins.build("purifiers", {"kind": kind, **PURIFIERS[kind]})
    torch.manual_seed(0)
    network = purifier.network()
    torch.nn.init.normal_(network.diffwave.output.weight, std=0.1)
    exact, rounded = (
        purifier.model_copy(update={"precision": precision}).load(network.state_dict(), RATE, CPU).purify(speech)
        for precision in ("float32", "bfloat16")
    )
    assert rounded.dtype == torch.float32 and not torch.equal(exact, rounded)
    assert (rounded - exact).square().mean() < 1e-4 * exact.square().mean()


def test_a_watermark_is_learnt(tmp_path, corpus, monkeypatch):
    monkeypatch.setattr(step_training, "CHECKPOINT_INTERVAL", 20)
    plugin = watermark("keyed_mask", "bfloat16", steps=40)
    weights = plugin.obtain(Sources(audio=(corpus,), folder=tmp_path / "training"))
    losses = pd.read_csv(tmp_path / "training" / "history.csv")["message"].tolist()
    assert losses[1] < 0.2 < losses[0] < 0.5  # ln 2 is chance
    marker = plugin.load(weights, RATE, CPU, "key")
    speech, message = harmonic_tones(4, RATE, seed=1), torch.tensor([1, 0, 1, 1])
    detection = marker.detect(speech + marker.watermark(speech, message))
    assert detection.bits.dtype == torch.float32
    assert torch.equal(detection.bits.round().long(), message.expand(4, -1))


def test_a_purifiers_loss_falls(tmp_path, corpus, monkeypatch):
    monkeypatch.setattr(step_training, "CHECKPOINT_INTERVAL", 20)
    settings = {**PURIFIERS["audiopure"], "steps": 60, "precision": "bfloat16"}
    purifier = plugins.build("purifiers", {"kind": "audiopure", **settings})
    purifier.train(TrainingInputs(audio=(corpus,), folder=tmp_path / "training"))
    losses = pd.read_csv(tmp_path / "training" / "history.csv")["loss"].tolist()
    assert losses[-1] < 0.8 * losses[0]


def test_a_killed_training_resumes_to_the_same_weights(tmp_path, corpus, monkeypatch):
    plugin = watermark("keyed_mask", "bfloat16")
    assert_resumes(plugin, {"audio": (corpus,)}, keyed_training, tmp_path, monkeypatch)


def test_settings_of_a_base_keep_their_precision():
    teacher = as_settings(watermark("pkdmark_teacher", "tfloat32"))
    assert plugins.resolve(teacher).precision == "tfloat32"
