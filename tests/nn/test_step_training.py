"""Training by steps: learning rate, history, and resuming from a checkpoint."""

import pandas as pd
import pytest
import torch

from sanguinaria.core.training_log import training_log
from sanguinaria.nn import step_training
from sanguinaria.nn.step_training import Schedule, finish_training, set_learning_rate, train


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(step_training, "CHECKPOINT_INTERVAL", 2)
    return tmp_path / "checkpoint.pt"


def schedule(steps: int) -> Schedule:
    return Schedule(steps=steps, batch_size=4, crop=8, learning_rate=0.01, window=0, seed=0)


def trained(checkpoint, steps: int = 5, killed_at: int | None = None):
    """A linear layer after a training, and the history; ``killed_at`` is the number of steps before an interruption."""
    torch.manual_seed(0)
    network = torch.nn.Linear(8, 1)
    optimiser = torch.optim.Adam(network.parameters(), 0.01)

    def step(state, generator):
        if state["step"] == killed_at:
            raise KeyboardInterrupt
        loss = network(torch.randn(4, 8, generator=generator)).square().mean()
        validation = {"validation": 10.0 * state["step"]} if state["step"] % 2 else {}
        return loss, {"step_number": state["step"], **validation}

    return network, train(network, optimiser, step, schedule(steps), checkpoint)


def test_the_history_holds_means_over_the_steps_that_log_a_value(checkpoint):
    network, history = trained(checkpoint)
    assert not network.training
    assert history == [
        {"step": 2, "step_number": 0.5, "validation": 10.0},
        {"step": 4, "step_number": 2.5, "validation": 30.0},
        {"step": 5, "step_number": 4.0},
    ]


@pytest.mark.parametrize("killed_at", [1, 2, 3, 4])
def test_a_killed_training_resumes_to_the_same_weights_and_history(checkpoint, killed_at):
    whole, history = trained(checkpoint.with_name("whole.pt"))
    with pytest.raises(KeyboardInterrupt):
        trained(checkpoint, killed_at=killed_at)
    assert checkpoint.exists() == (killed_at >= 2)
    resumed, resumed_history = trained(checkpoint)
    assert torch.equal(whole.weight, resumed.weight)
    assert history == resumed_history


def test_the_rows_of_the_history_are_logged_while_the_training_runs(checkpoint, tmp_path):
    path = tmp_path / "logs" / "job.training.csv"
    with pytest.raises(KeyboardInterrupt), training_log(path):
        trained(checkpoint, killed_at=3)
    assert pd.read_csv(path)["step"].tolist() == [2]
    with training_log(path):
        trained(checkpoint)
    table = pd.read_csv(path)
    assert table["training"].tolist() == ["training"] * 3
    assert table["step"].tolist() == [2, 4, 5]
    assert table["step_number"].tolist() == [0.5, 2.5, 4]
    assert table["seconds"].is_monotonic_increasing


def test_a_finished_training_leaves_its_history_alone(checkpoint):
    _, history = trained(checkpoint)
    finish_training(history, checkpoint)
    assert [path.name for path in checkpoint.parent.iterdir()] == ["history.csv"]
    assert pd.read_csv(checkpoint.with_name("history.csv"))["step"].tolist() == [2, 4, 5]


def test_the_learning_rate_warms_up_and_decays_as_a_cosine():
    optimiser = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])
    for step, expected in ((0, 0.01 / 100), (49, 0.5 * 0.01), (500, 0.55 * 0.01), (1000, 0.1 * 0.01)):
        set_learning_rate(optimiser, schedule(1000), step)
        assert optimiser.param_groups[0]["lr"] == pytest.approx(expected, rel=0.01)


def test_gradients_are_clipped(checkpoint):
    network = torch.nn.Linear(1, 1, bias=False)
    optimiser = torch.optim.SGD(network.parameters(), 1.0)
    before = network.weight.detach().clone()
    train(network, optimiser, lambda *_: (1e6 * network.weight.sum(), {"loss": 0.0}), schedule(1), checkpoint)
    torch.testing.assert_close(before - network.weight.detach(), torch.ones(1, 1))
