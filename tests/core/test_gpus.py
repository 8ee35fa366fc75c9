"""Pretended GPUs: names in CUDA_VISIBLE_DEVICES, shared by real processes."""

import os
import re
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from sanguinaria.core import gpu_locks as gpus
from sanguinaria.core.errors import InputError

# Holds a device for a while, and says from when to when.
HOLDER = """
import sys, time
from sanguinaria.core import gpu_locks as gpus
device = gpus.take_one()
start = time.monotonic()
print("holds", device, flush=True)
time.sleep(float(sys.argv[1]))
print(device, start, time.monotonic())
"""


@pytest.fixture
def environment(tmp_path, monkeypatch) -> dict[str, str]:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    return {**os.environ, "TMPDIR": str(tmp_path), "CUDA_VISIBLE_DEVICES": "0,1"}


def hold(environment: dict[str, str], seconds: float) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", HOLDER, str(seconds)]
    return subprocess.Popen(command, env=environment, cwd=root, stdout=subprocess.PIPE, text=True)


def test_jobs_share_two_devices_one_at_a_time(environment):
    holders = [hold(environment, 0.3) for _ in range(6)]
    spans: dict[str, list[tuple[float, float]]] = {"0": [], "1": []}
    for holder in holders:
        printed, _ = holder.communicate(timeout=60)
        assert holder.returncode == 0
        device, start, end = printed.splitlines()[-1].split()
        spans[device].append((float(start), float(end)))
    assert sum(map(len, spans.values())) == 6 and all(spans.values())
    for taken in map(sorted, spans.values()):
        assert all(end <= start for (_, end), (start, _) in pairwise(taken))


def test_a_killed_job_frees_its_device(environment):
    environment["CUDA_VISIBLE_DEVICES"] = "GPU-5f3e"
    first = hold(environment, 600)
    assert first.stdout is not None and first.stdout.readline() == "holds GPU-5f3e\n"
    second = hold(environment, 0)
    assert second.stdout is not None
    assert second.stdout.readline() == "waiting for a GPU: other jobs hold GPU-5f3e\n"
    time.sleep(0.5)
    assert second.poll() is None
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert second.stdout.readline() == "holds GPU-5f3e\n"
    assert second.wait(timeout=60) == 0


def test_jobs_that_share_spread_over_the_devices_first(environment):
    environment["SANGUINARIA_JOBS_PER_GPU"] = "2"
    holders = [hold(environment, 600) for _ in range(5)]
    held = []
    for holder in holders:
        assert holder.stdout is not None
        held.append(holder.stdout.readline().strip())
    for holder in holders:
        holder.kill()
        holder.wait()
    assert sorted(held) == ["holds 0"] * 2 + ["holds 1"] * 2 + ["waiting for a GPU: other jobs hold 0, 1"]


def test_the_first_places_are_of_different_devices(tmp_path):
    assert [gpus.claim(["0", "1"], tmp_path, jobs=2) for _ in range(4)] == ["0", "1", "0", "1"]


@pytest.mark.parametrize("told", ["0", "-2", "two", "1.5", "²"])
def test_how_many_share_is_a_whole_number(monkeypatch, told):
    monkeypatch.setenv("SANGUINARIA_JOBS_PER_GPU", told)
    with pytest.raises(InputError, match=f"SANGUINARIA_JOBS_PER_GPU is '{re.escape(told)}'"):
        gpus.jobs_per_device()


def test_two_slurm_jobs_may_both_call_their_device_0(environment):
    environment["CUDA_VISIBLE_DEVICES"] = "0"
    holders = []
    for job in ("11", "12"):
        holders.append(hold({**environment, "SLURM_JOB_ID": job}, 600))
        assert holders[-1].stdout.readline() == "holds 0\n"
    for holder in holders:
        holder.kill()
        holder.wait()


@pytest.mark.parametrize(
    ("listed", "devices"),
    [
        ("0,1", ["0", "1"]),
        (" 2 , 3 ", ["2", "3"]),
        ("", []),
        ("-1", []),
        ("1,-1,0", ["1"]),
        ("NoDevFiles,", ["NoDevFiles"]),
    ],
)
def test_devices_are_those_that_cuda_would_see(monkeypatch, listed, devices):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    assert gpus.visible() == devices


def test_without_a_gpu_nothing_is_taken(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpus.take_one() is None
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


def test_the_locks_are_for_their_user_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    folder = gpus.lock_folder()
    assert folder.name == "7" and folder.is_dir()
    assert gpus.lock_folder() == folder
