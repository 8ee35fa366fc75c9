"""Checkpoints: round trip, and unusable files, which are reported, run no code and change nothing."""

import copy
import os

import pytest
import torch

from sanguinaria.core.checkpoints import load_checkpoint, save_checkpoint


def training(outputs=2, steps=0):
    """A network and its optimiser after some steps."""
    torch.manual_seed(0)
    network = torch.nn.Linear(3, outputs)
    optimiser = torch.optim.Adam(network.parameters(), 0.1)
    step(network, optimiser, steps)
    return network, optimiser


def step(network, optimiser, times):
    for _ in range(times):
        optimiser.zero_grad()
        network(torch.ones(1, 3)).square().sum().backward()
        optimiser.step()


class Malicious:
    """Creates a folder when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_resumed_training_equals_an_uninterrupted_one(tmp_path):
    network, optimiser = training(steps=3)
    progress = {"step": 3, "ratio": 4.5, "history": [{"step": 3, "loss": 0.25}], "random": torch.arange(4)}
    save_checkpoint(tmp_path / "a.pt", network, optimiser, progress)
    resumed, resumed_optimiser = training()
    loaded = load_checkpoint(tmp_path / "a.pt", resumed, resumed_optimiser)
    assert torch.equal(loaded.pop("random"), torch.arange(4))
    assert loaded == {"step": 3, "ratio": 4.5, "history": [{"step": 3, "loss": 0.25}]}
    step(network, optimiser, 2)
    step(resumed, resumed_optimiser, 2)
    assert torch.equal(network.weight, resumed.weight)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


def test_a_missing_checkpoint_is_no_error(tmp_path, capsys):
    assert load_checkpoint(tmp_path / "absent.pt", *training()) is None
    assert capsys.readouterr().out == ""


def truncate(path):
    save_checkpoint(path, *training(steps=1), {})
    path.write_bytes(path.read_bytes()[:-200])


UNUSABLE = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("step: 3"),
    "truncated": truncate,
    "a tensor": lambda path: torch.save(torch.zeros(3), path),
    "a number": lambda path: torch.save(3, path),
    "other names": lambda path: torch.save({"model": {}}, path),
    "another network": lambda path: save_checkpoint(path, *training(outputs=4, steps=1), {}),
    "another optimiser": lambda path: save_checkpoint(path, training()[0], torch.optim.Adam([torch.zeros(1)]), {}),
}


@pytest.mark.parametrize("write", UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_checkpoint_is_reported_and_ignored(tmp_path, capsys, write):
    write(tmp_path / "a.pt")
    network, optimiser = training(steps=2)
    before = copy.deepcopy((network.state_dict(), optimiser.state_dict()["state"][0]["exp_avg"]))
    assert load_checkpoint(tmp_path / "a.pt", network, optimiser) is None
    assert "not a checkpoint of this training" in capsys.readouterr().out
    assert torch.equal(network.weight, before[0]["weight"])
    assert torch.equal(optimiser.state_dict()["state"][0]["exp_avg"], before[1])


def test_no_code_of_a_checkpoint_is_run(tmp_path, capsys):
    torch.save({"network": Malicious(tmp_path / "run"), "optimiser": {}, "progress": {}}, tmp_path / "a.pt")
    assert load_checkpoint(tmp_path / "a.pt", *training()) is None
    assert "not a checkpoint" in capsys.readouterr().out
    assert not (tmp_path / "run").exists()
