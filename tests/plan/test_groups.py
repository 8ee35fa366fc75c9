"""Groups of small jobs: no group waits for itself, and none keeps a training waiting for another."""

from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml
from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config

from sanguinaria.plan.configuration import load
from sanguinaria.plan.groups import group_name
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.stages.stage import Stage
from tests.plans import PRUNED, ancestry

ROOT = Path(__file__).parents[2]
TINY = ["tiny", "tiny_benchmark", "tiny_verification"]
# Tables with trained watermarks, purifiers and attacks upstream of each other.
REAL = ["bloodroot_table1", "purified_triggers", "adaptive_attacks", "wake_table1"]
# Rules of a stage that need each other, by position.
STEPS = {"corpora": (0, 1), "datasets": (0, 1)}


def plan_of_file(path: Path) -> Plan:
    config = load_configfile(str(ROOT / "config.yaml"))
    update_config(config, load_configfile(str(path)))
    return Plan(load(config))


def stages(plan: Plan, tables: list[str]) -> list[Stage]:
    needed = {stage.folder: stage for name in tables for each in plan.tables[name].reduced for stage in ancestry(each)}
    return list(needed.values())


def submission(stage: Stage, step: int) -> str:
    return group_name(stage, step) or f"{stage.folder} alone"


def check(needed: list[Stage]) -> None:
    waits: dict[str, set[str]] = {}
    for stage in needed:
        for step in STEPS.get(stage.stage, (0,)):
            name = submission(stage, step)
            before = {submission(each, last) for each in stage.upstream for last in STEPS.get(each.stage, (0,))}
            before |= {submission(stage, earlier) for earlier in range(step)}
            assert name not in before
            waits.setdefault(name, set()).update(before)
    # Raises a CycleError where a group waits for itself.
    assert set(TopologicalSorter(waits).static_order()) == set(waits)


@pytest.mark.parametrize("name", TINY)
def test_no_group_of_a_small_workflow_waits_for_itself(name):
    plan = plan_of_file(ROOT / "tests" / "data" / f"{name}.yaml")
    check(stages(plan, list(plan.tables)))


@pytest.fixture(scope="module")
def real() -> dict[str, list[Stage]]:
    plan = plan_of_file(ROOT / "config" / "real.yaml")
    return {name: stages(plan, [name]) for name in REAL}


@pytest.mark.parametrize("name", REAL)
def test_no_group_of_a_table_waits_for_itself(real, name):
    check(real[name])


def test_no_group_of_several_tables_waits_for_itself(real):
    check([stage for needed in real.values() for stage in needed])


def test_no_stage_reads_the_rows_of_measurements(real):
    upstream = {type(each) for needed in real.values() for stage in needed for each in stage.upstream}
    assert not [each for each in upstream if each.measures]


def long_jobs(stage: Stage) -> Iterator[str]:
    return (each.stage for each in ancestry(stage) if each is not stage and each.long)


def test_members_of_a_group_wait_for_trainings_of_the_same_kinds(real):
    groups: dict[str, set[frozenset[str]]] = {}
    for stage in real["bloodroot_table1"]:
        if name := group_name(stage):
            groups.setdefault(name, set()).add(frozenset(long_jobs(stage)))
    assert all(len(kinds) == 1 for kinds in groups.values())
    assert {"depth2.0-gpu-watermarks", "measurements-cpu-victims", "depth2.0-cpu"} <= set(groups)


@pytest.fixture(scope="module")
def small() -> dict[str, list[Stage]]:
    by_kind: dict[str, list[Stage]] = {}
    for stage in stages(Plan(load(yaml.safe_load(PRUNED.replace("[none, lowpass]", "[none, pruned]")))), ["demo"]):
        by_kind.setdefault(type(stage).__name__, []).append(stage)
    return by_kind


def test_trainings_are_submitted_alone(small):
    assert {group_name(stage) for stage in small["VictimStage"]} == {None}


def test_defences_that_only_prune_are_small(small):
    names = {f"depth{stage.depth}.0-cpu-victims" for stage in small["RepairedStage"]}
    assert {group_name(stage) for stage in small["RepairedStage"]} == names


def test_rules_of_a_stage_that_need_each_other_are_in_different_groups(small):
    (corpus,) = small["CorpusStage"]
    assert [group_name(corpus, step) for step in (0, 1)] == ["depth0.0-cpu", "depth0.1-cpu"]


def test_untrained_watermarks_keep_nobody_waiting(small):
    (watermark,) = small["WatermarkStage"]
    assert not watermark.long and not watermark.gpus
    assert "VictimStage" in small and all("watermarks" not in stage.waits_for for stage in small["VictimStage"])


def test_jobs_on_gpus_and_others_are_in_different_groups(small):
    names = {stage.gpus: group_name(stage) for stage in small["TriggeredStage"] if stage.depth == 1}
    assert names == {0: "depth1.0-cpu", 1: "depth1.0-gpu"}


def test_depth_is_the_length_of_the_longest_chain(small):
    def chain(stage: Stage) -> int:
        return 1 + max(map(chain, stage.upstream)) if stage.upstream else 0

    assert all(stage.depth == chain(stage) for kinds in small.values() for stage in kinds)
    assert max(stage.depth for kinds in small.values() for stage in kinds) > 4
