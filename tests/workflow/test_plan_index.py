"""A cluster's job finds its table in the index of the run, and finds it without, too."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sanguinaria.plan.configuration import load
from sanguinaria.plan.plan import Plan
from sanguinaria.workflow import plan_index
from sanguinaria.workflow.parse import asked_targets
from tests.plans import TWO_TABLES

ROOT = Path(__file__).parents[2]
# Snakemake itself imports numpy.
HEAVY = "torch scipy transformers pandas pyarrow peft matplotlib soundfile sklearn audioseal torch_pruning".split()


def fresh() -> Plan:
    return Plan(load(yaml.safe_load(TWO_TABLES)))


@pytest.fixture
def result() -> tuple[str, str]:
    """Stage and key of a result that the table ``other`` alone needs."""
    plan = fresh()
    assert plan.stages
    name = next(name for name, table in plan.tables_of_stages.items() if table == "other")
    stage, key = name.split("/")
    return stage, key


def test_a_job_expands_its_table_alone(tmp_path: Path, result: tuple[str, str]):
    run = fresh()
    run.expand(run.tables)
    plan_index.write(run, tmp_path / "plan.json")
    job = fresh()
    assert plan_index.find(job, *result, tmp_path / "plan.json").key == result[1]
    assert set(job.tables.made) == {"other"}


@pytest.mark.parametrize("content", [None, "", "[1]", "{", '{"scores/x": 3}'])
def test_without_an_index_the_whole_plan_is_searched(tmp_path: Path, result: tuple[str, str], content: str | None):
    if content is not None:
        (tmp_path / "plan.json").write_text(content)
    assert plan_index.find(fresh(), *result, tmp_path / "plan.json").key == result[1]


def test_a_result_of_no_plan_is_a_key_error(tmp_path: Path):
    with pytest.raises(KeyError):
        plan_index.find(fresh(), "victims", "lstm-000000000000", tmp_path / "plan.json")


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("demo --cores 2", ["demo"]),
        ("--cores 2 -- demo other", ["demo", "other"]),
        ("results/tables/other.md -n", ["other"]),
        ("demo_data", ["demo"]),
        ("--cores 2", ["demo", "other"]),
        ("all", ["demo", "other"]),
    ],
)
def test_the_targets_of_a_command_line(line: str, asked: list[str]):
    assert asked_targets(line.split(), fresh().targets) == asked


@pytest.mark.parametrize("overlay", ["config/real.yaml", "config/paper.yaml"])
def test_the_process_of_the_snakefile_imports_nothing_heavy(overlay: str):
    """With every plug-in of the configuration: all of them are validated, and one table is expanded."""
    code = (
        "import json, sys; from snakemake.cli import get_argument_parser, main\n"
        "get_argument_parser(); before = set(sys.modules)  # installed executors import what they like\n"
        f"sys.argv[1:] = ['-n', '--quiet', 'all', '--cores', '1', '--configfile', '{overlay}', '--', 'demo']\n"
        "try: main()\n"
        "except SystemExit as end:\n"
        f"    print(json.dumps([end.code, [name for name in {HEAVY} if name in set(sys.modules) - before]]))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout.splitlines()[-1]) == [0, []], run.stderr
