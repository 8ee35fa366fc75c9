"""The workflow on a Slurm cluster of one node with four simulated GPUs.

Three runs share the cluster, as most of their time is Slurm's: one with a job that fails, one with jobs that need more
than they ask for, and one that is cancelled. What comes before was made by a local run, whose results all reuse.
"""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import slurm
import yaml
from tiny import checkout, clone, command, run, smaller

MISSING = slurm.missing() or (
    "" if importlib.util.find_spec("snakemake_executor_plugin_slurm") else "no snakemake-executor-plugin-slurm"
)
if MISSING and os.environ.get("SANGUINARIA_REQUIRE_SLURM"):
    raise RuntimeError(f"Slurm is required here: {MISSING}")
pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

TARGET = ["tiny_marked"]
PROFILE = (
    *("--profile", "profiles/slurm"),
    # Resources and waiting times of a small local node.
    *("--default-resources", "turn=1", "mem_mb=1000*2**(attempt-1)", "runtime=5", "slurm_partition=main"),
    *("--slurm-init-seconds-before-status-checks", "8", "--seconds-between-status-checks", "1", "--latency-wait", "5"),
)
SIZES = ("--set-resources", "victim:mem_mb=1500")
MADE_LOCALLY = ("detections", "features", "poisoned", "quality")


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with slurm.running(tmp_path_factory.mktemp("slurm")):
        yield


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which all but the models, and what is made from them, is there."""
    folder = smaller(checkout(tmp_path_factory.mktemp("prepared") / "checkout"), seeds=(0, 1))
    run(folder, "--until", *MADE_LOCALLY, targets=TARGET)
    return folder


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*PROFILE, *options, targets=TARGET),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Background processes of a shell ignore SIGINT, and their children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def edit(path: Path, first: str) -> None:
    path.write_text(f"{first}\n{path.read_text()}")


def remove(folder: Path, stages: Sequence[str]) -> None:
    for stage in stages:
        shutil.rmtree(folder / "results" / stage)


class Run:
    """A run on the cluster, in a copy of the prepared checkout; its output is read when it is asked for."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.process = start(folder, *options)
        self._printed = ""

    @property
    def printed(self) -> str:
        self._printed = self._printed or self.process.communicate(timeout=600)[0]
        return self._printed


@pytest.fixture(scope="module")
def runs(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    copies = {
        name: clone(prepared, tmp_path_factory.mktemp(name) / "checkout") for name in ("failing", "small", "cancelled")
    }
    remove(copies["failing"], ["triggered", "detections", "features", "poisoned", "quality"])
    # One of the two predictions succeeds, and the other one fails.
    edit(
        copies["failing"] / "workflow_scripts" / "scores.py",
        "import pathlib, sys\n"
        "if pathlib.Path('fails').exists() and list(pathlib.Path('results').glob('scores/*/rows/*.parquet')):\n"
        "    sys.exit(1)",
    )
    (copies["failing"] / "fails").touch()
    # The first attempt has one minute and exceeds it; the second has two.
    edit(
        copies["small"] / "workflow_scripts" / "victim.py",
        "import time; time.sleep(240 * (snakemake.resources.runtime < 2))",
    )
    # As its first attempt exceeds its memory, for long enough that Slurm, which looks once a second, notices.
    edit(
        copies["small"] / "workflow_scripts" / "quality.py",
        "import time\nif snakemake.resources.mem_mb < 500:\n    block = b'1' * (400 * 2**20)\n    time.sleep(60)",
    )
    remove(copies["small"], ["quality"])
    small = ["quality:mem_mb=250*2**(attempt-1)", "victim:mem_mb=1500", "victim:runtime=1*2**(attempt-1)"]
    settings = yaml.safe_load((copies["cancelled"] / "tiny.yaml").read_text())
    settings["victims"]["small"]["epochs"] = 500
    (copies["cancelled"] / "tiny.yaml").write_text(yaml.safe_dump(settings))
    started = {
        "small": Run(copies["small"], "--set-resources", *small, "--until", "quality", "victim"),
        "failing": Run(copies["failing"], *SIZES, "--retries", "0"),
        "cancelled": Run(copies["cancelled"], *SIZES),
    }
    yield started
    for each in started.values():
        each.process.kill()


def logged(folder: Path, stage: str) -> list[str]:
    return [path.read_text() for path in sorted((folder / "results" / "logs" / stage).rglob("*.log"))]


def submitted(printed: str) -> dict[str, str]:
    """Of each submission the job's or group's name for Snakemake, and the folder of its log: its group and rules."""
    lines = r"Job (\S+) has been submitted with SLURM jobid \d+ \(log: \S+/slurm_logs/(\w+?)_([^/]+)/"
    return {job: name for job, _, name in re.findall(lines, printed)}


def test_cancelled_jobs_remove_their_temporary_files(runs):
    process, folder = runs["cancelled"].process, runs["cancelled"].folder
    deadline = time.monotonic() + 300
    while not list(folder.glob("results/victims/*/checkpoint.pt")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    printed = runs["cancelled"].printed
    assert process.returncode != 0
    (name,) = re.findall(r"SLURM run ID: (\S+)", printed)
    queue = subprocess.run(["squeue", "-h", "-t", "R,PD", "--name", name], capture_output=True, text=True).stdout
    assert queue == ""
    assert not list(folder.glob("results/victims/*/model.safetensors"))
    hidden = [path.name for path in (folder / "results").rglob(".*") if path.is_file()]
    assert set(hidden) <= {".snakemake_timestamp"}


def test_small_jobs_are_submitted_together(runs):
    printed, folder = runs["failing"].printed, runs["failing"].folder
    assert sorted(submitted(printed).values()) == [
        "depth1.0-cpu_features_poisoned",
        "depth1.0-gpu_detections_triggered_test",
        "depth2.0-cpu_features",
        "depth2.0-gpu_detections",
        "measurements-cpu-victims_scores",
        "measurements-cpu_quality",
        "victim",
        "victim",
    ]
    # The two models were trained in parallel, each with its own simulated GPU, and computed on the CPU.
    devices = [re.search(r"device: cpu \(CUDA_VISIBLE_DEVICES=(\d)\)", log) for log in logged(folder, "victims")]
    assert len({match[1] for match in devices if match}) == 2


def test_members_of_a_group_share_one_gpu(runs):
    folder = runs["failing"].folder
    assert runs["failing"].printed
    stages = ("triggered", "detections")
    devices = [re.search(r"CUDA_VISIBLE_DEVICES=(\S+)\)", log) for stage in stages for log in logged(folder, stage)]
    assert len(devices) == 3 and all(match and len(match[1]) == 1 for match in devices)


def test_a_run_after_a_failure_makes_what_is_missing(runs):
    printed, folder = runs["failing"].printed, runs["failing"].folder
    assert runs["failing"].process.returncode != 0
    (finished,) = folder.glob("results/scores/*/rows/*.parquet")
    time_of_first = finished.stat().st_mtime_ns
    (folder / "fails").unlink()
    again = run(folder, *PROFILE, *SIZES, targets=TARGET)
    assert sorted(submitted(again).values()) == ["measurements-cpu-victims_scores", "report-tiny_marked_table"]
    (log,) = re.findall(r"^Complete log\(s\): (\S+)$", again, re.MULTILINE)
    assert Counter(re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", Path(log).read_text())) == {
        "scores": 1,
        "table": 1,
        "tiny_marked": 1,
    }
    assert len(list(folder.glob("results/scores/*/rows/*.parquet"))) == 2
    assert finished.stat().st_mtime_ns == time_of_first
    assert (folder / "results" / "tables" / "tiny_marked.csv").is_file()
    assert "Nothing to be done" in run(folder, *PROFILE, targets=TARGET), printed


def test_submissions_beyond_their_memory_or_time_are_restarted_with_more(runs):
    printed = runs["small"].printed
    assert runs["small"].process.returncode == 0, printed
    names = submitted(printed)
    restarted = Counter(names[job] for job in re.findall(r"Trying to restart job (\S+)\.", printed))
    assert 1 <= restarted.pop("measurements-cpu_quality") <= 2
    assert restarted == {"victim": 2}
    assert len(list(runs["small"].folder.glob("results/victims/*/model.safetensors"))) == 2
