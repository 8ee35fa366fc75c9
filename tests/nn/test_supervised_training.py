"""Supervised training: it learns, it is deterministic, and a killed one resumes to the same model."""

import itertools
import math
import os
import subprocess
import sys

import pandas as pd
import pytest
import torch

from sanguinaria.core import plugins
from sanguinaria.core.errors import InputError
from sanguinaria.core.training_log import training_log
from sanguinaria.nn import supervised_training as training
from sanguinaria.nn.feature_dataset import FeatureDataset, Features, empty_dataset
from sanguinaria.nn.supervised_training import fine_tune, predict, train
from sanguinaria.victims._models import load_model, save_model

CPU = torch.device("cpu")
LABELS = ("high", "low")


def examples(count: int, seed: int) -> FeatureDataset:
    """Noise whose upper or lower bands, by label, have a larger mean."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    spectrograms = torch.randn(count, 16, 20, generator=generator)
    spectrograms[labels == 0, 8:] += 1.0
    spectrograms[labels == 1, :8] += 1.0
    return FeatureDataset(Features([spectrograms.half()]), labels)


def victim(**settings):
    small = {"kind": "lstm", "hidden": 8, "layers": 1, "epochs": 4, "log_mel": {"bands": 16}}
    return plugins.build("victims", small | {"batch_size": 16, "learning_rate": 0.02} | settings)


def trained(tmp_path, name="a", seed=0, count=64, **settings):
    return train(victim(**settings), LABELS, examples(count, 1), examples(32, 2), seed, tmp_path / f"{name}.pt", CPU)


def same(first, second) -> bool:
    return all(torch.equal(first.state_dict()[name], second.state_dict()[name]) for name in first.state_dict())


def test_training_learns(tmp_path):
    network, history = trained(tmp_path)
    assert list(history.columns) == ["epoch", "loss", "validation_accuracy"]
    assert list(history["epoch"]) == [1, 2, 3, 4]
    assert history["loss"].iloc[-1] < history["loss"].iloc[0] < 1.5 * math.log(2)
    unseen = examples(100, 3)
    assert (predict(network, unseen.features, CPU).argmax(-1) == unseen.labels).float().mean() > 0.95


def test_epochs_are_logged_while_the_training_runs(tmp_path):
    path = tmp_path / "job.training.csv"
    with training_log(path):
        network, history = trained(tmp_path)
        list(fine_tune(network, examples(32, 2), 2, 0.01, 16, 0, CPU))
    table = pd.read_csv(path)
    assert table["training"].tolist() == ["training"] * 4 + ["fine_tuning"] * 2
    assert table["epoch"].tolist() == [1, 2, 3, 4, 1, 2]
    assert table["loss"].tolist()[:4] == pytest.approx(history["loss"].tolist(), rel=1e-5)
    assert table["validation_accuracy"].tolist()[:4] == pytest.approx(history["validation_accuracy"].tolist(), rel=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"precision": "bfloat16"},
        {"time_shift": 0.2, "masks": 1, "mixup": 0.2},
        {"optimiser": "sgd"},
        {"optimiser": "rmsprop"},
    ],
)
def test_equal_seeds_train_equal_models(tmp_path, settings):
    first, second, other = (
        trained(tmp_path, name, seed, **settings)[0] for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert same(first, second)
    assert not same(first, other)


@pytest.mark.parametrize("settings", [{}, {"keep": "best"}, {"time_shift": 0.2, "masks": 1, "mixup": 0.2}])
@pytest.mark.parametrize("killed_after", [1, 3])
def test_a_killed_training_resumes_to_the_same_model(tmp_path, monkeypatch, settings, killed_after):
    whole, history = trained(tmp_path, "whole", **settings)
    epochs = itertools.count()
    run_epoch = training._train_epoch

    def killed(*arguments):
        if next(epochs) == killed_after:
            raise KeyboardInterrupt
        return run_epoch(*arguments)

    monkeypatch.setattr(training, "_train_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, "killed", **settings)
    monkeypatch.setattr(training, "_train_epoch", run_epoch)
    resumed, resumed_history = trained(tmp_path, "killed", **settings)
    assert same(whole, resumed)
    assert history.equals(resumed_history)


def test_training_restarts_after_a_damaged_checkpoint(tmp_path, capsys):
    whole, _ = trained(tmp_path, "whole")
    (tmp_path / "damaged.pt").write_bytes(b"PK\x03\x04 not a checkpoint")
    again, history = trained(tmp_path, "damaged")
    assert "not a checkpoint of this training" in capsys.readouterr().out
    assert same(whole, again)
    assert len(history) == 4


def test_training_restarts_after_a_checkpoint_of_another_network(tmp_path, capsys):
    trained(tmp_path, "a", hidden=4)
    _, history = trained(tmp_path, "a", hidden=8)
    assert "not a checkpoint of this training" in capsys.readouterr().out
    assert len(history) == 4


def test_the_best_epoch_is_the_best_on_validation(tmp_path):
    network, history = trained(tmp_path, keep="best", learning_rate=0.05)
    held_out = examples(32, 2)
    accuracy = (predict(network, held_out.features, CPU).argmax(-1) == held_out.labels).double().mean()
    assert float(accuracy) == history["validation_accuracy"].max()


def test_the_best_epoch_without_validation_is_an_error(tmp_path):
    empty = empty_dataset((16, 20))
    with pytest.raises(InputError, match="needs validation utterances"):
        train(victim(keep="best"), LABELS, examples(64, 1), empty, 0, tmp_path / "a.pt", CPU)


def test_a_last_batch_of_one_is_joined(tmp_path):
    sizes = [len(batch) for batch in training._shuffled_batches(33, 16, torch.Generator())]
    assert sizes == [16, 17]
    assert sorted(torch.cat(list(training._shuffled_batches(33, 16, torch.Generator()))).tolist()) == list(range(33))
    trained(tmp_path, count=33)


def test_the_cosine_schedule():
    optimiser = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])
    for share, expected in ((0, 0.02), (1 / 3, 0.015), (0.5, 0.01), (1, 0)):
        training._set_learning_rate(optimiser, victim(), share)
        assert optimiser.param_groups[0]["lr"] == pytest.approx(expected)


STRIDED_TRAINING = """
import sys
from pathlib import Path
import torch
from sanguinaria.nn.feature_dataset import FeatureDataset, Features
from sanguinaria.nn.supervised_training import train
from sanguinaria.victims.resnet18 import ResNet18

class Strided(ResNet18):
    def network(self, labels):
        convolution = torch.nn.Conv2d(4, 8, 1, 2, bias=False)
        head = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, labels)]
        return torch.nn.Sequential(torch.nn.Unflatten(1, (4, 8)), convolution, *head)

torch.set_num_threads(1)
dataset = FeatureDataset(Features([torch.randn(33, 32, 20).half()]), torch.arange(33) % 2)
checkpoint = Path(sys.argv[1]) / "checkpoint.pt"
for seed in range(5):
    train(Strided(epochs=2, batch_size=8), ("a", "b"), dataset, dataset, seed, checkpoint, torch.device("cpu"))
    checkpoint.unlink()
print(torch.backends.cpu.get_cpu_capability(), "trained")
"""


def test_strided_convolutions_train_without_avx_512(tmp_path):
    # Channels last, they corrupted memory there; processors with AVX-512 compute here as those without it.
    environment = os.environ | {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
    process = subprocess.run(
        [sys.executable, "-c", STRIDED_TRAINING, str(tmp_path)],
        env=environment | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-2000:]
    assert process.stdout.splitlines()[-1].endswith("trained")


def test_a_saved_model_predicts_the_same(tmp_path):
    network, _ = trained(tmp_path)
    path = tmp_path / "model.safetensors"
    save_model(victim(), LABELS, network, path)
    loaded, labels = load_model(path, CPU)
    assert labels == list(LABELS)
    spectrograms = examples(10, 5).features
    assert torch.equal(predict(network, spectrograms, CPU), predict(loaded, spectrograms, CPU))


def test_a_damaged_model_is_an_error_with_its_path(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match=r"model\.safetensors: damaged model"):
        load_model(path, CPU)


def test_equal_models_are_equal_files(tmp_path):
    network, _ = trained(tmp_path)
    paths = [tmp_path / f"{number}.safetensors" for number in range(8)]
    for path in paths:
        save_model(victim(), LABELS, network, path)
    assert len({path.read_bytes() for path in paths}) == 1
