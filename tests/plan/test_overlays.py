"""The overlays that the project comes with: every table and figure of the paper is a target that can be planned."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import tiny
from configured import merged

from sanguinaria.adversaries import Adversary
from sanguinaria.plan.configuration import Configuration, load
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.stages.defended import RepairedStage
from sanguinaria.plan.stages.scores import ScoreStage

ROOT = Path(__file__).parents[2]
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
        for form in ("csv", "metrics.csv", "differences.csv", "runs.csv", "md", "tex"):
            assert f"results/tables/{table}.{form}" in planned
    for table in TABLES[:3]:
        assert f"results/tables/{table}.comparison.md" in planned
    for figure in FIGURES:
        for form in ("svg", "png", "csv"):
            assert f"results/figures/{figure}.{form}" in planned


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_snakemake_finds_no_fault_with_the_rules(checkout, overlay):
    assert "your workflow is in a good condition" in snakemake(checkout, "--lint", "--configfile", overlay)


def configuration(overlay: str) -> Configuration:
    return load(merged(ROOT / "config.yaml", ROOT / overlay))


def has_adaptive_attacks(made: Configuration, name: str) -> bool:
    adversaries = [made.entries["adversaries"][attack] for attack in made.verifications[name].attacks]
    return any(isinstance(adversary, Adversary) and adversary.is_adaptive for adversary in adversaries)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_adaptive_attacks_have_verifications_of_their_own(overlay):
    made = configuration(overlay)
    adaptive = {name for name in made.verifications if has_adaptive_attacks(made, name)}
    assert adaptive == {name for name in made.verifications if "adaptive" in name} != set()
    # Through purifiers, each takes as long as thousands of others.
    for name in adaptive:
        verification = made.verifications[name]
        kinds = {type(made.entries["defences"][defence]).__name__ for defence in verification.defences}
        assert verification.trials.count <= 200 or "Purification" not in kinds


def test_tables_of_tdap_have_its_trials_and_every_printed_cell():
    made = configuration("config/paper.yaml")
    printed = pd.read_csv(ROOT / "sanguinaria" / "reports" / "printed_numbers.csv", dtype=str)
    for table, attacks in {"1": {"genuine", "pgd_l2", "pgd_linf"}, "2": {"pgd_l2"}, "3": {"pgd_linf"}}.items():
        verification = made.verifications[f"tdap_table{table}"]
        assert verification.trials.count == 1000  # section 4.1 of the paper
        assert verification.comparison is not None and verification.comparison.table == table
        cells = printed[(printed["paper"] == "tdap") & (printed["table"] == table)]
        assert set(cells["attack"]) == attacks <= set(verification.attacks)
        assert set(cells["defence"]) <= set(verification.defences)


@pytest.mark.parametrize(("overlay", "models"), [("config/real.yaml", 2 * 5), ("config/paper.yaml", 2 * 3)])
def test_the_fine_tuning_curve_is_one_training_of_each_model(overlay, models):
    table = Plan(configuration(overlay)).tables["fake_the_real_fine_tuning"]
    scored = [stage for cell in table.cells for stage in cell.rows["scores"] if isinstance(stage, ScoreStage)]
    repaired = {stage.victim for stage in scored if isinstance(stage.victim, RepairedStage)}
    assert len(repaired) == models and {stage.epochs for stage in repaired} == {tuple(range(1, 21))}
    assert len(scored) == 21 * models
    assert {(stage.victim, stage.epochs) for stage in scored if stage.epochs} == {
        (stage, epochs) for stage in repaired for epochs in range(1, 21)
    }


def test_corpora_of_trials_may_have_speakers_in_the_test_split_alone():
    made = configuration("config/paper.yaml")
    listed = {each.corpus for each in made.verifications.values() if each.trials.list is not None}
    assert listed and {made.entries["corpora"][name].incomplete_labels for name in listed} == {"allow"}
