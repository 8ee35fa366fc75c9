"""Runs to be followed: a failing job, interruptions, and the run that goes on."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from tiny import checkout, command, run, smaller

TARGET = ["tiny_marked"]
# So many that a training lasts until it is interrupted.
EPOCHS = 40


def test_a_failed_job_is_summarised_with_its_cause_and_its_log(tmp_path):
    folder = smaller(checkout(tmp_path / "failing"), [0])
    settings = yaml.safe_load((folder / "tiny.yaml").read_text())
    settings["corpora"]["tiny"] = {"kind": "folder", "path": "recordings", "incomplete_labels": "allow"}
    (folder / "tiny.yaml").write_text(yaml.safe_dump(settings))
    for label in ("left", "right"):
        (folder / "recordings" / label).mkdir(parents=True)
        (folder / "recordings" / label / "ada.wav").write_bytes(b"no audio")
    called = command(targets=TARGET)
    process = subprocess.run(called, cwd=folder, capture_output=True, text=True, timeout=600)
    printed = process.stdout + process.stderr
    assert process.returncode == 1, printed
    lines = printed.splitlines()
    log = next(folder.glob("results/logs/corpora/*/audio-0.log")).relative_to(folder)
    failed = lines.index("Failed: 1")
    assert lines[failed + 1 : failed + 5] == [
        f"  corpus audio {log.parent.name}",
        "    corpus tiny",
        "    Error: 2 of 2 recordings cannot be read: recordings/left/ada.wav: not readable as audio: "
        "Format not recognised.",
        f"    log: {log}",
    ]
    assert lines[-1].endswith(f"once the causes are removed: snakemake {' '.join(called[1:])}")
    assert sum("jobs are still to come" in line for line in lines) == 1
    assert "Traceback" not in printed
    assert (folder / log).read_text().startswith(f"corpora/{log.parent.name}: corpus tiny\nError: 2 of 2 recordings")
    assert "Results:" not in lines
    quiet = subprocess.run([*called[:1], "--quiet", "all", *called[1:]], cwd=folder, capture_output=True, text=True)
    assert quiet.returncode == 1
    (line,) = [line for line in (quiet.stdout + quiet.stderr).splitlines() if not line.startswith("Using ")]
    assert line.startswith(f"Failed: corpus audio {log.parent.name} (corpus tiny): Error: 2 of 2 recordings cannot be ")
    assert line.endswith(f"(log: {log})")


def interrupted(folder: Path, *, group: bool) -> str:
    """Start a run, send SIGINT while a model is in training, and return what was printed."""
    settings = yaml.safe_load((folder / "tiny.yaml").read_text())
    settings["victims"]["small"]["epochs"] = EPOCHS
    (folder / "tiny.yaml").write_text(yaml.safe_dump(settings))
    with (folder / "printed.txt").open("w") as file:
        process = subprocess.Popen(
            command(targets=TARGET),
            cwd=folder,
            stdout=file,
            stderr=file,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        deadline = time.monotonic() + 600
        while not list(folder.glob("results/victims/*/checkpoint.pt")):
            assert process.poll() is None, (folder / "printed.txt").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (os.killpg if group else os.kill)(process.pid, signal.SIGINT)  # a terminal signals the group
        assert process.wait(300) == 1
    return (folder / "printed.txt").read_text()


@pytest.mark.parametrize("group", [True, False])
def test_an_interrupted_run_ends_without_a_traceback_and_goes_on(tmp_path, group):
    folder = smaller(checkout(tmp_path / "interrupted"), [0])
    printed = interrupted(folder, group=group)
    assert "Traceback" not in printed and "KeyboardInterrupt" not in printed
    assert "Interrupted: the running jobs are being ended; Ctrl-C again kills them." in printed
    assert "1 victim" in next(line for line in printed.splitlines() if "jobs are still to come" in line)
    assert printed.splitlines()[-1].endswith(f"To go on: snakemake {' '.join(command(targets=TARGET)[1:])}")
    assert not list(folder.glob("results/victims/*/model.safetensors"))
    assert not [path for path in (folder / "results").rglob(".*") if path.name != ".snakemake_timestamp"]
    log = next(folder.glob("results/logs/victims/*.log"))
    assert "SIGTERM received" in log.read_text() and "Traceback" not in log.read_text()
    if group:  # the folder is not locked, and the training continues from its checkpoint
        run(folder, targets=TARGET)
        assert "resumed after epoch" in log.read_text()
        rows = log.with_suffix(".training.csv").read_text().splitlines()[1:]
        assert [int(row.split(",")[1]) for row in rows] == list(range(1, EPOCHS + 1))
