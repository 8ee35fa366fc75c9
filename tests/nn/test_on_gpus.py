"""Every network, where there is a GPU: trained, used, attacked and measured there by the workflow itself."""

import os
from pathlib import Path

import pandas as pd
import pytest
import torch
from tiny import ROOT, checkout, run

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

# And how many lines each of their tables has at least.
TARGETS = {"tiny_marks": 8, "tiny_models": 8, "tiny_encoders": 9, "tiny_marks_benchmark": 1}


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = checkout(tmp_path_factory.mktemp("gpu") / "project")
    (folder / "tiny.yaml").write_text((ROOT / "tests" / "data" / "tiny_networks.yaml").read_text())
    run(
        folder,
        "--resources",
        "gpu=8",
        cores=os.cpu_count() or 1,
        targets=tuple(TARGETS),
        overlays=("config/real.yaml", "tiny.yaml"),
        environment={"SANGUINARIA_JOBS_PER_GPU": "8"},
    )
    return folder


@pytest.mark.parametrize("room", ["watermarks", "victims", "purifiers"])
def test_trainings_compute_on_the_gpu(computed, room):
    logs = [log.read_text() for log in sorted((computed / "results" / "logs" / room).rglob("*.log"))]
    assert logs and all("device: cuda" in log for log in logs)


@pytest.mark.parametrize("target", TARGETS)
def test_every_line_of_the_tables_is_there(computed, target):
    assert len(pd.read_csv(computed / f"results/tables/{target}.csv")) >= TARGETS[target]
