"""Kills, full disks and damaged files: a rerun writes the tables of an undisturbed run, byte by byte."""

import base64
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny import OUTPUTS, checkout, clone, command, pending, run

from sanguinaria.workflow import clean_up

MARKED = ["tiny_marked"]
MARKED_OUTPUTS = [output for output in OUTPUTS if "tiny_marked" in output]
KILLS = 20


def outputs(folder: Path, names=OUTPUTS) -> dict[str, bytes]:
    return {name: (folder / "results" / name).read_bytes() for name in names}


def failing(folder: Path, targets=MARKED) -> str:
    """Run the workflow, which is expected to fail, and return its output."""
    process = subprocess.run(command(targets=targets), cwd=folder, capture_output=True, text=True, timeout=600)
    printed = process.stdout + process.stderr
    assert process.returncode != 0, printed
    return printed


def started(folder: Path, cores: int) -> subprocess.Popen:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command(cores=cores), cwd=folder, start_new_session=True, **quiet)


def kill(process: subprocess.Popen, folder: Path) -> None:
    """Kill the workflow and all its jobs."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    # The effect of `snakemake --unlock`, which precedes a restart.
    shutil.rmtree(folder / ".snakemake" / "locks", ignore_errors=True)


def ended(process: subprocess.Popen, seconds: float) -> bool:
    """Return whether the workflow finishes, with success, within some seconds."""
    try:
        assert process.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        return False
    return True


def test_kills_at_random_times_on_one_or_two_cores_change_no_table(finished, tmp_path):
    folder = checkout(tmp_path / "killed")
    process, deadline = started(folder, cores=1), time.monotonic() + 1200
    # During a training: its checkpoint exists, and its model does not.
    while not list(folder.glob("results/victims/*/checkpoint.pt")):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    kill(process, folder)
    moments, kills = random.Random(0), 1
    while kills < KILLS:
        process = started(folder, cores=1 + kills % 2)
        # From the start-up on, and together over most of a run.
        if not ended(process, moments.uniform(1.5, 15)):
            kill(process, folder)
            kills += 1
        else:  # the run finished between two kills
            assert outputs(folder) == outputs(finished)
            shutil.rmtree(folder / "results")
    run(folder, cores=1)
    assert outputs(folder) == outputs(finished)
    # Temporary files of killed jobs are recognised by their names.
    hidden = {path.name for path in (folder / "results").rglob(".*")} - {".snakemake_timestamp"}
    assert all(map(clean_up.TEMPORARY.fullmatch, hidden))


def test_a_complete_result_that_is_marked_as_incomplete_is_no_obstacle(finished, tmp_path):
    folder = clone(finished, tmp_path / "killed")
    for stage in ("victims", "scores", "tables"):
        shutil.rmtree(folder / "results" / stage)
    block = next(folder.glob("results/triggered/*-poison-*/audio/0.parquet")).relative_to(folder)
    # Snakemake's mark of the outputs of jobs that were killed.
    marker = folder / ".snakemake" / "incomplete" / base64.urlsafe_b64encode(str(block).encode()).decode()
    marker.parent.mkdir(exist_ok=True)
    marker.write_text('{"external_jobid": null}')
    assert "table tiny" in pending(folder)


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A checkout whose results are on a disk of two megabytes."""
    folder = checkout(tmp_path / "full")
    results = folder / "results"
    results.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", results]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk, and not in every container")
    yield folder
    subprocess.run(["umount", "-l", results], check=True)


def test_a_full_disk_is_reported_and_a_rerun_with_more_space_succeeds(finished, small_disk):
    assert "the disk that holds results/ is full" in failing(small_disk)
    subprocess.run(["mount", "-o", "remount,size=500m", small_disk / "results"], check=True)
    run(small_disk, targets=MARKED)
    assert outputs(small_disk, MARKED_OUTPUTS) == outputs(finished, MARKED_OUTPUTS)


@pytest.mark.parametrize(
    ("damaged", "what", "missing"),
    [
        ("corpora/*/audio/0.parquet", "shard", ["features", "scores"]),
        ("features/corpora-*/0.safetensors", "features", ["scores"]),
        ("victims/*/model.safetensors", "model", ["scores"]),
        ("watermarks/*/weights.safetensors", "weights", ["detections"]),
        ("poisoned/*/manifest.parquet", "table", []),
    ],
)
def test_a_damaged_result_is_reported_and_recomputed(finished, tmp_path, damaged, what, missing):
    folder = clone(finished, tmp_path / "damaged")
    for stage in [*missing, "tables"]:
        shutil.rmtree(folder / "results" / stage)
    paths = list(folder.glob(f"results/{damaged}"))
    for path in paths:
        content = path.read_bytes()
        middle = len(content) // 2
        path.unlink()  # a hard link to the file of the other checkout
        path.write_bytes(content[:middle] + bytes(64) + content[middle + 64 :])
    printed = failing(folder)
    assert any(f"{path.relative_to(folder)}: damaged {what} (" in printed for path in paths)
    # A job stops at its first damaged file: each run finds at least one more.
    for _ in paths:
        if (folder / "results" / "tables" / "tiny_marked.csv").exists():
            break
        subprocess.run(command(targets=MARKED), cwd=folder, capture_output=True, timeout=600)
    assert outputs(folder, MARKED_OUTPUTS) == outputs(finished, MARKED_OUTPUTS)
