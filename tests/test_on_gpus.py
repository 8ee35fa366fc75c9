"""Every network on a GPU and on the CPU: what both learn from the same seed is the same, but for rounding."""

import os
from pathlib import Path

import pandas as pd
import pytest
import safetensors.torch
import torch
from tiny import ROOT, checkout, run

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

TARGETS = ("tiny_marks", "tiny_models", "tiny_encoders", "tiny_marks_benchmark")
OVERLAYS = ("config/real.yaml", "tiny.yaml")
# How far a weight may be from its twin after a few steps of Adam, each of which moves it by the learning rate at most.
FURTHEST = 0.02


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two folders with the same results, one computed on GPUs."""
    folders = {}
    for device, gpus in (("cuda", os.environ.get("CUDA_VISIBLE_DEVICES", "0")), ("cpu", "")):
        folder = checkout(tmp_path_factory.mktemp(device) / "project")
        (folder / "tiny.yaml").write_text((ROOT / "tests" / "data" / "tiny_networks.yaml").read_text())
        environment = {"CUDA_VISIBLE_DEVICES": gpus, "SANGUINARIA_JOBS_PER_GPU": "8"}
        cores = os.cpu_count() or 1
        run(folder, "--resources", "gpu=8", cores=cores, targets=TARGETS, overlays=OVERLAYS, environment=environment)
        folders[device] = folder
    return folders


def test_what_may_compute_on_a_gpu_does(computed):
    for device, folder in computed.items():
        logs = [log.read_text() for log in sorted((folder / "results" / "logs").rglob("*.log"))]
        assert any(f"device: {device}" in log for log in logs)
        assert device == "cuda" or not any("device: cuda" in log for log in logs)


def test_both_learn_the_same(computed):
    results = computed["cpu"] / "results"
    rooms = ("watermarks", "victims", "purifiers")
    names = sorted(
        path.relative_to(computed["cpu"]) for room in rooms for path in (results / room).rglob("*.safetensors")
    )
    assert len(names) > 10
    apart = {}
    for name in names:
        found, expected = (safetensors.torch.load_file(computed[device] / name) for device in ("cuda", "cpu"))
        assert found.keys() == expected.keys()
        weights = [(found[key].float() - expected[key].float()).abs().max() for key in found if found[key].numel()]
        apart[str(name)] = float(max(weights))
    print(*(f"{distance:.2e} {name}" for name, distance in apart.items()), sep="\n")
    assert max(apart.values()) < FURTHEST


@pytest.mark.parametrize("target", TARGETS)
def test_both_report_the_same_lines(computed, target):
    found, expected = (pd.read_csv(computed[device] / f"results/tables/{target}.csv") for device in ("cuda", "cpu"))
    assert len(found) == len(expected) > 0
    pd.testing.assert_frame_equal(found.select_dtypes("object"), expected.select_dtypes("object"))
