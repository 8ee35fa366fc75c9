"""Before the first job of a run its plug-ins are checked on a tiny batch, once for each state of their code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import checkout, command

TRIGGER = """
from sanguinaria.triggers import Trigger

class Click(Trigger):
    def embedder(self, sample_rate, device, weights):
        def embed(waveforms):
            {}
        return embed
"""
OVERLAY = """
triggers:
  click: {kind: click}
experiments:
  clicks: {corpus: tiny, target: left, triggers: [clean, click], victims: [small], rates: [0.05], metrics: [snr]}
"""
CHECKING = "Checking plug-ins on a tiny batch"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = checkout(tmp_path_factory.mktemp("plugins") / "checkout")
    (folder / "clicks.yaml").write_text(OVERLAY)
    return folder


def write_trigger(folder: Path, line: str) -> None:
    (folder / "sanguinaria" / "triggers" / "click.py").write_text(TRIGGER.format(line))


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    called = command(*arguments, targets=["clicks"], overlays=["tiny.yaml", "clicks.yaml"])
    process = subprocess.run(called, cwd=folder, capture_output=True, text=True, timeout=600)
    return process.returncode, process.stdout + process.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "return waveforms / waveforms.abs().max()",
            "triggers/click.py: results of an utterance in a batch and by itself differ",
        ),
        ("import os; os._exit(0)", "triggers/click: it ended the process of the checks: .snakemake/sanguinaria/"),
    ],
)
def test_a_broken_plug_in_stops_a_run_before_its_first_job(folder: Path, line: str, message: str):
    write_trigger(folder, line)
    code, printed = run(folder, "--quiet", "rules")
    assert code != 0
    assert message in printed
    assert "Nothing was run: plug-ins break promises of their protocols (docs/guides/own_plugins.md)." in printed
    assert not (folder / "results" / "corpora").exists()


def test_plug_ins_that_passed_are_not_checked_again(folder: Path):
    write_trigger(folder, "return 0.5 * waveforms")
    code, printed = run(folder, "--until", "corpus_recordings")
    assert code == 0, printed
    (line,) = (line for line in printed.splitlines() if line.startswith(CHECKING))
    assert "triggers/click" in line
    write_trigger(folder, "return 0.5 * waveforms  # half")
    code, printed = run(folder, "--until", "corpus_recordings", "--forcerun", "corpus_recordings")
    assert code == 0 and CHECKING not in printed
    assert len(json.loads((folder / ".snakemake" / "sanguinaria" / "plugin_checks.json").read_text())) >= 5


def test_the_command_checks_everything_and_runs_nothing(folder: Path):
    write_trigger(folder, "return waveforms.double()")
    arguments = ["plugins", "clicks", "--configfile", "tiny.yaml", "clicks.yaml"]
    called = [sys.executable, "-m", "sanguinaria", *arguments]
    process = subprocess.run(called, cwd=folder, capture_output=True, text=True, timeout=600)
    assert process.returncode == 1
    assert process.stdout.splitlines() == [
        "corpora/synthetic: left to its job: the first job lists and reads its recordings",
        "front_ends/log_mel: keeps its promises",
        "metrics/snr: keeps its promises",
        "victims/resnet18: keeps its promises",
        "triggers/click.py returned torch.float64: it has to return torch.float32",
    ]
