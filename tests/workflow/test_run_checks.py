"""A run of many jobs has to be asked for; targets are checked before anything is planned."""

import os
import re
from pathlib import Path

import pytest
from plans import TWO_TABLES, plan_of

from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.errors import InputError
from sanguinaria.plan.needed_stages import specification_file
from sanguinaria.plan.plan import Plan
from sanguinaria.workflow.monitoring.results import results_of
from sanguinaria.workflow.run_checks import check_run
from sanguinaria.workflow.run_size import number_of_jobs

pytestmark = pytest.mark.usefixtures("working_folder")


def large() -> Plan:
    """A plan of two tables, of which one has some thousand jobs."""
    return plan_of(TWO_TABLES, seeds=list(range(60)))


def check(plan: Plan, line: str, *, dry_run: bool = False, named: bool = False) -> None:
    check_run(plan, line.split(), dry_run=dry_run, names_targets=lambda: named)


def test_a_large_run_without_a_target_lists_the_targets_with_their_jobs() -> None:
    plan = large()
    total, demo, other = (number_of_jobs(plan, names) for names in (["demo", "other"], ["demo"], ["other"]))
    assert 1000 < demo < total < demo + other  # they share the corpus
    with pytest.raises(InputError) as raised:
        check(plan, "--cores 2 --configfile mine.yaml")
    first, *lines = str(raised.value).splitlines()
    assert (
        first == f"Nothing was run: no target is named, and everything that the configuration makes is {total:,} jobs."
    )
    assert [line.split() for line in lines[:2]] == [["demo", f"{demo:,}", "jobs"], ["other", str(other), "jobs"]]
    assert lines[-2:] == [
        "Name targets:  snakemake demo --cores 2 --configfile mine.yaml",
        "Or everything: snakemake all --cores 2 --configfile mine.yaml",
    ]


@pytest.mark.parametrize("line", ["all --cores 2", "demo --cores 2", "--cores 2 -- demo", "--unlock", "--lint"])
def test_a_large_run_that_is_asked_for(line: str) -> None:
    check(large(), line)


def test_a_dry_run_and_a_line_that_the_parser_finds_a_target_in() -> None:
    check(large(), "--cores 2", dry_run=True)
    check(large(), "--cores 2 results/scores/a.parquet", named=True)


def test_a_small_run_needs_no_target() -> None:
    check(plan_of(TWO_TABLES), "--cores 2")


def test_jobs_of_finished_results_do_not_count() -> None:
    plan = plan_of(TWO_TABLES)
    before = number_of_jobs(plan, ["demo"])
    victims = plan.stages["victims"].values()
    for stage in victims:
        stage.folder.mkdir(parents=True)
        (stage.folder / "model.safetensors").touch()
    # Without manifests, whose rows the table reads itself.
    assert number_of_jobs(plan, ["demo"]) < before


def test_an_unknown_target() -> None:
    with pytest.raises(InputError, match=re.escape("unknown target 'dmeo'; did you mean 'demo'?")):
        check(plan_of(TWO_TABLES), "dmeo --cores 2")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("demo --until vctim", "--until: unknown rule or target 'vctim'; did you mean 'victim'?"),
        ("demo -O scoers --cores 2", "-O: unknown rule or target 'scoers'; did you mean 'scores'?"),
        ("--cores 2 -R dmeo", "-R: unknown rule or target 'dmeo'; did you mean 'demo'?"),
        ("demo --set-resources vctim:gpu=1", "--set-resources: unknown rule 'vctim'; did you mean 'victim'?"),
        ("demo --set-threads=vctim=2", "--set-threads: unknown rule 'vctim'; did you mean 'victim'?"),
        ("demo --resources gpus=2", "--resources: unknown resource 'gpus'; did you mean 'gpu'?"),
        ("demo --cores 0", "no job can start on 0 cores; a dry run is -n"),
        ("demo -c0", "no job can start on 0 cores"),
        ("demo -c2 --touch", "--touch would mark tables of other settings as those of this configuration"),
        ("demo -c2 -e touch", "--touch would mark tables of other settings"),
        ("--cores 2 --cache demo", "--cache takes 'demo' for a rule, as it stands after it: targets first"),
    ],
)
def test_an_unknown_name_in_an_option(line: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"Nothing was run: {message}")):
        check(plan_of(TWO_TABLES), line)


@pytest.mark.parametrize(
    "line",
    [
        "demo --until victim scores -R demo_data --omit-from results/victims/a/model.safetensors",
        "demo --set-resources victim:gpu=2 --resources gpu=2 licences=1 --cache --cores 2",
        "demo --forcerun all -- demo",
    ],
)
def test_known_names_in_options(line: str) -> None:
    check(plan_of(TWO_TABLES), line)


def test_a_target_by_its_whole_path() -> None:
    path = Path("results/tables/demo.csv")
    with pytest.raises(InputError, match=re.escape(f"name results from this folder on: {path}")):
        check(plan_of(TWO_TABLES), f"{path.absolute()} --cores 2")


def test_results_are_tables_of_the_configuration_and_of_no_other() -> None:
    plan = plan_of(TWO_TABLES)
    plan.expand(["demo", "other"])
    for name, text in (("demo", plan.tables["demo"].specification), ("other", "of other settings")):
        write_text(specification_file("tables", name), f"{text}\n")
        for path in plan.targets[name]:
            path.touch()
    assert results_of(plan, ["all", "--cores", "2"]) == [
        "Results:",
        "  results/tables/demo.{csv,metrics.csv,differences.csv,runs.csv,md,tex,provenance.json}",
        "In the terminal: python -m sanguinaria.reports.show results/tables/demo.csv",
    ]
    assert results_of(plan, ["other", "--cores", "2"]) == []
    assert results_of(plan, ["all", "--summary"]) == []
    os.utime(plan.targets["demo"][1], (0, 0))  # older than what it is to be made from
    assert results_of(plan, ["demo"]) == []
    plan.targets["demo"][1].unlink()
    assert results_of(plan, ["demo"]) == []
