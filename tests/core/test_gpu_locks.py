"""Locks of simulated GPUs, names in CUDA_VISIBLE_DEVICES, among real processes."""

import os
import re
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from sanguinaria.core import gpu_locks
from sanguinaria.core.errors import InputError

# Locks a device for some seconds, and prints the times of start and end.
HOLDER = """
import sys, time
from sanguinaria.core import gpu_locks
device = gpu_locks.acquire_gpu()
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


def test_a_device_has_one_job_at_a_time(environment):
    holders = [hold(environment, 0.3) for _ in range(6)]
    spans: dict[str, list[tuple[float, float]]] = {"0": [], "1": []}
    for holder in holders:
        printed, _ = holder.communicate(timeout=60)
        assert holder.returncode == 0
        device, start, end = printed.splitlines()[-1].split()
        spans[device].append((float(start), float(end)))
    assert sum(map(len, spans.values())) == 6 and all(spans.values())
    for device_spans in map(sorted, spans.values()):
        assert all(end <= start for (_, end), (start, _) in pairwise(device_spans))


def test_a_killed_job_releases_its_device(environment):
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


def test_sharing_jobs_are_spread_over_the_devices(environment):
    environment["SANGUINARIA_JOBS_PER_GPU"] = "2"
    holders = [hold(environment, 600) for _ in range(5)]
    lines = []
    for holder in holders:
        assert holder.stdout is not None
        lines.append(holder.stdout.readline().strip())
    for holder in holders:
        holder.kill()
        holder.wait()
    assert sorted(lines) == ["holds 0"] * 2 + ["holds 1"] * 2 + ["waiting for a GPU: other jobs hold 0, 1"]


def test_the_first_locks_are_of_different_devices(tmp_path):
    assert [gpu_locks.lock_gpu(["0", "1"], tmp_path, jobs=2) for _ in range(4)] == ["0", "1", "0", "1"]


@pytest.mark.parametrize("jobs", ["0", "-2", "two", "1.5", "²"])
def test_the_number_of_sharing_jobs_is_a_positive_integer(monkeypatch, jobs):
    monkeypatch.setenv("SANGUINARIA_JOBS_PER_GPU", jobs)
    with pytest.raises(InputError, match=f"SANGUINARIA_JOBS_PER_GPU is '{re.escape(jobs)}'"):
        gpu_locks.jobs_per_gpu()


def test_slurm_jobs_number_their_devices_separately(environment):
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
def test_visible_devices_are_those_of_cuda(monkeypatch, listed, devices):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    assert gpu_locks.visible_gpus() == devices


def test_without_a_gpu_no_lock_is_acquired(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpu_locks.acquire_gpu() is None
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


def test_the_lock_folder_is_per_slurm_job(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    folder = gpu_locks.lock_folder()
    assert folder.name == "7" and folder.is_dir()
    assert gpu_locks.lock_folder() == folder
