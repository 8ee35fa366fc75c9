"""Training logs: rows, time, resumed trainings, several trainings of a job."""

import time

import pandas as pd
import pytest

from sanguinaria.core.training_log import TrainingLog, log_training, training_log


@pytest.fixture
def clock(monkeypatch):
    """The seconds that the log measures, set by the test."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_every_row_is_in_the_file_once_it_is_logged(tmp_path, clock):
    path = tmp_path / "logs" / "small.training.csv"
    with training_log(path):
        assert not path.exists()
        clock[0] += 2.5
        log_training("training", {"epoch": 1, "loss": 1.23456789, "validation_accuracy": 0.5})
        assert path.read_text() == "training,epoch,loss,validation_accuracy,seconds\ntraining,1,1.23457,0.5,2.5\n"
        clock[0] += 2
        log_training("training", {"epoch": 2, "loss": 1, "validation_accuracy": 1})
    assert path.read_text().splitlines()[2:] == ["training,2,1,1,4.5"]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_outside_of_a_job_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log_training("training", {"epoch": 1, "loss": 1.0})
    assert not list(tmp_path.iterdir())


def test_a_resumed_training_replaces_the_rows_after_its_checkpoint_and_adds_its_time(tmp_path, clock):
    path = tmp_path / "small.training.csv"
    log = TrainingLog(path)
    for step in (200, 400, 600):
        clock[0] += 10
        log.add("training", {"step": step, "loss": step / 100})
    resumed = TrainingLog(path)  # from the checkpoint of step 400
    clock[0] += 7
    resumed.add("training", {"step": 600, "loss": 0.5})
    clock[0] += 7
    resumed.add("training", {"step": 800, "loss": 0.25})
    table = pd.read_csv(path)
    assert table["step"].tolist() == [200, 400, 600, 800]
    assert table["loss"].tolist() == [2, 4, 0.5, 0.25]
    assert table["seconds"].tolist() == [10, 20, 27, 34]


def test_a_training_from_the_beginning_drops_all_rows(tmp_path):
    path = tmp_path / "small.training.csv"
    TrainingLog(path).add("training", {"epoch": 3, "loss": 3.0})
    TrainingLog(path).add("training", {"epoch": 1, "loss": 1.0})
    assert pd.read_csv(path)["epoch"].tolist() == [1]


def test_trainings_of_one_job_share_a_file_whatever_they_log(tmp_path):
    path = tmp_path / "seal.training.csv"
    log = TrainingLog(path)
    log.add("training", {"step": 200, "loss": 2.0})
    log.add("training", {"step": 400, "loss": 1.0, "validation": 0.75})
    log.add("detector", {"step": 200, "bits": 0.5})
    resumed = TrainingLog(path)
    resumed.add("detector", {"step": 400, "bits": 1.0})
    table = pd.read_csv(path)
    assert table.columns.tolist() == ["training", "step", "loss", "validation", "bits", "seconds"]
    assert table["training"].tolist() == ["training", "training", "detector", "detector"]
    assert table["validation"].tolist()[1] == 0.75 and table["validation"].isna().sum() == 3
    assert table["bits"].tolist()[2:] == [0.5, 1.0]


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"training,step\nx,1\n", b"\xff\xfe", b""])
def test_another_file_of_that_name_is_replaced(tmp_path, content):
    path = tmp_path / "small.training.csv"
    path.write_bytes(content)
    TrainingLog(path).add("training", {"step": 200, "loss": 2.0})
    assert path.read_text().startswith("training,step,loss,seconds\ntraining,200,2,")
