"""Fine-tuning: one training gives the models after each number of epochs that a table has."""

import pandas as pd
import pytest
import torch

from sanguinaria.core import plugins, tensor_archives, tensors
from sanguinaria.core.errors import DamagedError
from sanguinaria.nn.supervised_training import predict
from sanguinaria.steps.defended_model import repair_model
from sanguinaria.steps.scores import score_model
from sanguinaria.victims._models import load_repaired_model, save_model
from tests.louder_halves import BANDS, examples

CPU = torch.device("cpu")
LABELS = ("high", "low")
VICTIMS = {
    "resnet18": {"kind": "resnet18", "width": 8, "log_mel": {"bands": BANDS}},
    "lstm": {"kind": "lstm", "hidden": 8, "log_mel": {"bands": BANDS}},
    "vgg19": {"kind": "vgg19", "width": 8, "log_mel": {"bands": BANDS}},  # with dropout, which is random
}
FINE_TUNING = {"kind": "fine_tuning", "epochs": 1}
PRUNING = {"kind": "pruning", "share": 0.3}
each_victim = pytest.mark.parametrize("kind", sorted(VICTIMS))


def victim(kind):
    return plugins.build("victims", VICTIMS[kind])


def network(kind) -> torch.nn.Module:
    torch.manual_seed(0)
    return victim(kind).network(len(LABELS)).eval()


@pytest.fixture
def stored(tmp_path):
    """An index, and features of validation and of test utterances."""
    rows = pd.DataFrame({"utterance_id": [f"u{number}" for number in range(80)], "label": ["high", "low"] * 40})
    rows["split"] = ["validation"] * 50 + ["test"] * 30
    rows["speaker"] = "a"
    rows.to_parquet(tmp_path / "index.parquet")
    names = {"utterance_ids": rows["utterance_id"].tolist()}
    tensors.save({"inputs": examples(80, 6).features[torch.arange(80)]}, names, tmp_path / "features.safetensors")
    return tmp_path


def repaired(folder, kind, epochs, settings):
    """The file of a victim's models after so many epochs of a defence."""
    save_model(victim(kind), LABELS, network(kind), folder / "model.safetensors")
    defence = plugins.build("defences", {"learning_rate": 0.01, "batch_size": 16} | settings).with_epochs(max(epochs))
    destination = folder / f"{'-'.join(map(str, epochs))}.zip"
    repair_model(
        defence,
        epochs,
        model=folder / "model.safetensors",
        index=folder / "index.parquet",
        clean_features=[folder / "features.safetensors"],
        seed=3,
        destination=destination,
        device=CPU,
    )
    return destination


def weights(path, epochs):
    """The bytes of a model's tensors by name."""
    state, _ = tensor_archives.load(path, str(epochs), "model")
    return {name: (tuple(value.shape), value.numpy().tobytes()) for name, value in state.items()}


@each_victim
def test_one_training_gives_the_models_of_separate_trainings(stored, kind):
    curve = repaired(stored, kind, (1, 2, 4), FINE_TUNING)
    models = {epochs: weights(curve, epochs) for epochs in (1, 2, 4)}
    for epochs in (1, 2, 4):
        alone = repaired(stored, kind, (epochs,), FINE_TUNING)
        assert models[epochs] == weights(alone, epochs)
    assert models[1] != models[2] != models[4]


@each_victim
def test_a_pruning_and_its_fine_tuning_are_one_training(stored, kind):
    curve = repaired(stored, kind, (0, 2), PRUNING)
    for epochs in (0, 2):
        assert weights(curve, epochs) == weights(repaired(stored, kind, (epochs,), PRUNING), epochs)
    pruned = [sum(len(content) for _, content in weights(curve, epochs).values()) for epochs in (0, 2)]
    assert pruned[0] == pruned[1] < sum(value.nbytes for value in network(kind).state_dict().values())


def test_only_the_stated_epochs_are_written(stored):
    path = repaired(stored, "lstm", (2, 3), FINE_TUNING)
    with pytest.raises(DamagedError, match=r"no item named '1\.safetensors'"):
        load_repaired_model(path, 1, CPU)


def test_scores_are_of_the_model_after_their_epochs(stored):
    path = repaired(stored, "lstm", (1, 5), FINE_TUNING)
    held_out = examples(80, 6).features.subset(torch.arange(50, 80).numpy())
    for epochs in (1, 5):
        score_model(
            path,
            epochs,
            clean=[stored / "features.safetensors"],
            triggered=[],
            index=stored / "index.parquet",
            target="low",
            destination=stored / "rows.parquet",
            device=CPU,
        )
        scores = pd.read_parquet(stored / "rows.parquet").set_index("utterance_id")["target_probability"]
        expected = predict(load_repaired_model(path, epochs, CPU)[0], held_out, CPU)[:, 1]
        assert scores[[f"u{number}" for number in range(50, 80)]].tolist() == expected.tolist()


@each_victim
def test_fine_tuning_equals_fine_tuning_after_a_pruning_of_nothing(stored, kind, capsys):
    tuned = repaired(stored, kind, (2,), FINE_TUNING)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[1].startswith("fine-tuning, epoch 2/2: loss ")
    after_pruning = repaired(stored, kind, (2, 3), PRUNING | {"share": 0.0})
    assert weights(tuned, 2) == weights(after_pruning, 2)
    losses = [line.split(": ")[1] for line in capsys.readouterr().out.splitlines()]
    assert losses[:2] == [line.split(": ")[1] for line in lines]


def test_fine_tuning_learns():
    defence = plugins.build("defences", {"kind": "fine_tuning", "epochs": 4, "learning_rate": 0.01})
    *_, tuned = defence.repair(network("resnet18"), examples(64, 4), 0, CPU)
    unseen = examples(200, 5)
    assert (predict(tuned, unseen.features, CPU).argmax(-1) == unseen.labels).double().mean() > 0.9


def test_fine_tuning_of_no_epoch_is_the_identity():
    assert plugins.build("defences", {"kind": "fine_tuning", "epochs": 0}).is_identity


def test_the_epochs_of_a_defence_are_one_of_its_settings():
    fine_tuning = plugins.build("defences", {"kind": "fine_tuning", "epochs": 3})
    pruning = plugins.build("defences", {"kind": "pruning", "share": 0.5, "fine_tune_epochs": 2})
    lowpass = plugins.build("defences", {"kind": "lowpass"})
    assert [defence.fine_tuning_epochs for defence in (fine_tuning, pruning, lowpass)] == [3, 2, 0]
    assert fine_tuning.with_epochs(5) == plugins.build("defences", {"kind": "fine_tuning", "epochs": 5})
    assert pruning.with_epochs(0) == plugins.build("defences", {"kind": "pruning", "share": 0.5})
    assert lowpass.with_epochs(4) == lowpass
