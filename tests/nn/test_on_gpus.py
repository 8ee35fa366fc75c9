"""Every network on a GPU, where there is one: trained, applied, attacked and measured by the workflow."""

import os
from pathlib import Path

import pandas as pd
import pytest
import torch
from tiny import ROOT, checkout, run

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

# Targets, and the number of rows that their tables have at least.
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
def test_the_tables_are_complete(computed, target):
    assert len(pd.read_csv(computed / f"results/tables/{target}.csv")) >= TARGETS[target]
