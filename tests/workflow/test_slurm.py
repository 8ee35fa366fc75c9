"""The workflow on a Slurm cluster of one node with two simulated GPUs."""

import importlib.util
import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import slurm
import yaml
from tiny import checkout, command, run, smaller

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
    *("--default-resources", "mem_mb=1000*2**(attempt-1)", "runtime=10", "slurm_partition=main"),
    *("--set-resources", "victim:mem_mb=1500", "watermark:mem_mb=1500"),
    *("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1", "--latency-wait", "5"),
)


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with slurm.running(tmp_path_factory.mktemp("slurm")):
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return smaller(checkout(tmp_path / "checkout"), seeds=(0, 1))


def logged(folder: Path, stage: str) -> list[str]:
    return [path.read_text() for path in sorted((folder / "results" / "logs" / stage).rglob("*.log"))]


def test_the_workflow_runs_as_jobs_of_slurm(folder):
    printed = run(folder, *PROFILE, targets=TARGET)
    assert (folder / "results" / "tables" / "tiny_marked.csv").is_file()
    submitted = re.findall(r"Job \d+ has been submitted with SLURM jobid", printed)
    done = re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", printed)
    # Rules that may need a network, and targets, run locally.
    local = [rule for rule in done if rule in ("corpus_recordings", "tiny_marked")]
    assert len(submitted) == len(done) - len(local) and len(local) == 2
    # The two models were trained in parallel, each with its own simulated GPU, and computed on the CPU.
    devices = [re.search(r"device: cpu \(CUDA_VISIBLE_DEVICES=(\d)\)", log) for log in logged(folder, "victims")]
    assert sorted(match[1] for match in devices if match) == ["0", "1"]
    assert "Nothing to be done" in run(folder, *PROFILE, targets=TARGET)


def test_jobs_beyond_their_memory_or_time_are_restarted_with_more(folder):
    script = folder / "workflow_scripts" / "victim.py"
    # The first attempt has one minute and exceeds it; the second has two.
    script.write_text(f"import time; time.sleep(240 * (snakemake.resources.runtime < 2))\n{script.read_text()}")
    small = ["watermark:mem_mb=300*2**(attempt-1)", "victim:mem_mb=1500", "victim:runtime=1*2**(attempt-1)"]
    printed = run(folder, *PROFILE, "--set-resources", *small, targets=TARGET)
    rules = {
        job: rule for rule, job in re.findall(r"^rule (\w+):\n(?:    .*\n)*?    jobid: (\d+)$", printed, re.MULTILINE)
    }
    restarted = Counter(rules[job] for job in re.findall(r"Trying to restart job (\d+)", printed))
    assert 1 <= restarted.pop("watermark") <= 2
    assert restarted == {"victim": 2}
    assert (folder / "results" / "tables" / "tiny_marked.csv").is_file()


def test_cancelled_jobs_remove_their_temporary_files(folder):
    settings = yaml.safe_load((folder / "tiny.yaml").read_text())
    settings["victims"]["small"]["epochs"] = 500
    (folder / "tiny.yaml").write_text(yaml.safe_dump(settings))
    process = subprocess.Popen(
        command(*PROFILE, targets=TARGET),
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        # Background processes of a shell ignore SIGINT, and their children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 300
    while not list(folder.glob("results/victims/*/checkpoint.pt")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode != 0
    queue = subprocess.run(["squeue", "-h", "-t", "R,PD"], capture_output=True, text=True).stdout
    assert queue == ""
    assert not list(folder.glob("results/victims/*/model.safetensors"))
    hidden = [path.name for path in (folder / "results").rglob(".*") if path.is_file()]
    assert set(hidden) <= {".snakemake_timestamp"}
