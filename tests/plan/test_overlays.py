"""The overlays that the project comes with: every table and figure of the paper is a target that can be planned."""

import subprocess
import sys
from pathlib import Path

import pytest
import tiny

OVERLAYS = ("config/real.yaml", "config/paper.yaml")
TABLES = ("bloodroot_table1", "bloodroot_table2", "bloodroot_table3", "bloodroot_ablations", "bloodroot_controls")
FIGURES = ("bloodroot_figure2", "bloodroot_figure3")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy without results, and without a copy of VoxCeleb1."""
    return tiny.checkout(tmp_path_factory.mktemp("overlays") / "checkout")


def snakemake(folder: Path, *arguments: str) -> str:
    command = [str(Path(sys.executable).with_name("snakemake")), *arguments]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout + process.stderr


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_target_can_be_planned(checkout, overlay):
    planned = snakemake(checkout, "--dry-run", "--configfile", overlay, "--", *TABLES, *FIGURES)
    for table in TABLES:
        for form in ("csv", "metrics.csv", "md", "tex"):
            assert f"results/tables/{table}.{form}" in planned
    for table in TABLES[:3]:
        assert f"results/tables/{table}.comparison.md" in planned
    for figure in FIGURES:
        for form in ("svg", "png", "csv"):
            assert f"results/figures/{figure}.{form}" in planned


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_snakemake_finds_no_fault_with_the_rules(checkout, overlay):
    assert "your workflow is in a good condition" in snakemake(checkout, "--lint", "--configfile", overlay)
