"""Mistakes of a configuration as somebody sees them who calls Snakemake."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from configured import INVALID, MESSAGES, write

ROOT = Path(__file__).parents[2]
SNAKEMAKE = Path(sys.executable).parent / "snakemake"
pytestmark = pytest.mark.usefixtures("working_folder")


def snakemake(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SNAKEMAKE, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_snakemake_reports_all_problems_and_runs_nothing(tmp_path: Path):
    path = tmp_path / write("mistaken.yaml", INVALID)
    result = snakemake("no_such_target", "--cores", "1", "--configfile", str(path))
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    # The project's own config.yaml lies below the file; its other entries are valid.
    place = os.path.relpath(path, ROOT)
    expected = [f"  {place}:{line}" for line in MESSAGES.splitlines()]
    heading = f"The configuration has {len(expected)} problems; nothing was run."
    assert "\n".join([heading, *expected]) in result.stderr


def test_snakemake_reports_problems_of_the_command_line():
    result = snakemake("-n", "--config", 'experiments={"demo": {"rates": [2], "target": "lefft"}}', "colour=blue")
    assert result.returncode == 1
    # A dry run writes its messages to standard output.
    assert "Traceback" not in result.stdout
    lines = [line.strip() for line in result.stdout.splitlines() if "--config: " in line]
    assert [line.split(": ")[1] for line in lines] == ["colour", "experiments.demo.rates[0]", "experiments.demo.target"]


def test_snakemake_finds_an_experiment_of_an_overlay(tmp_path: Path):
    write("overlay.yaml", "experiments: {mine: {corpus: synthetic, target: go, triggers: [clean], victims: [lstm]}}")
    result = snakemake("mine", "-n", "--quiet", "host", "--configfile", str(tmp_path / "overlay.yaml"))
    assert result.returncode == 0, result.stderr
    assert "results/tables/mine.csv" in result.stdout + result.stderr
    assert "results/tables/demo.csv" not in result.stdout + result.stderr
