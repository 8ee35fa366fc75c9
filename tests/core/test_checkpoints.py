"""Checkpoints: what is kept comes back; what is none is told, runs nothing and changes nothing."""

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
    """Makes a folder when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_training_goes_on_as_if_it_had_not_stopped(tmp_path):
    network, optimiser = training(steps=3)
    progress = {"step": 3, "ratio": 4.5, "history": [{"step": 3, "loss": 0.25}], "random": torch.arange(4)}
    save_checkpoint(tmp_path / "a.pt", network, optimiser, progress)
    again, its_optimiser = training()
    found = load_checkpoint(tmp_path / "a.pt", again, its_optimiser)
    assert torch.equal(found.pop("random"), torch.arange(4))
    assert found == {"step": 3, "ratio": 4.5, "history": [{"step": 3, "loss": 0.25}]}
    step(network, optimiser, 2)
    step(again, its_optimiser, 2)
    assert torch.equal(network.weight, again.weight)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


def test_there_may_be_none(tmp_path, capsys):
    assert load_checkpoint(tmp_path / "absent.pt", *training()) is None
    assert capsys.readouterr().out == ""


def cut(path):
    save_checkpoint(path, *training(steps=1), {})
    path.write_bytes(path.read_bytes()[:-200])


SPOILT = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("step: 3"),
    "cut": cut,
    "a tensor": lambda path: torch.save(torch.zeros(3), path),
    "a number": lambda path: torch.save(3, path),
    "other names": lambda path: torch.save({"model": {}}, path),
    "another network": lambda path: save_checkpoint(path, *training(outputs=4, steps=1), {}),
    "another optimiser": lambda path: save_checkpoint(path, training()[0], torch.optim.Adam([torch.zeros(1)]), {}),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_one_that_cannot_be_taken_up_is_told_and_left_out(tmp_path, capsys, spoil):
    spoil(tmp_path / "a.pt")
    network, optimiser = training(steps=2)
    before = copy.deepcopy((network.state_dict(), optimiser.state_dict()["state"][0]["exp_avg"]))
    assert load_checkpoint(tmp_path / "a.pt", network, optimiser) is None
    assert "not a checkpoint of this training" in capsys.readouterr().out
    assert torch.equal(network.weight, before[0]["weight"])
    assert torch.equal(optimiser.state_dict()["state"][0]["exp_avg"], before[1])


def test_nothing_in_it_is_run(tmp_path, capsys):
    torch.save({"network": Malicious(tmp_path / "run"), "optimiser": {}, "progress": {}}, tmp_path / "a.pt")
    assert load_checkpoint(tmp_path / "a.pt", *training()) is None
    assert "not a checkpoint" in capsys.readouterr().out
    assert not (tmp_path / "run").exists()
