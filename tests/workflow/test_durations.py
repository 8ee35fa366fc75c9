"""Durations: measured ones from logs correct the stated rates."""

import json
import os
from pathlib import Path

import pytest
from plans import CONFIGURATION, plan_of

from sanguinaria.plan.cost.rates import stated_seconds
from sanguinaria.plan.cost.specifications import of_stage
from sanguinaria.plan.cost.work import WORK
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.rules import all_stages
from sanguinaria.plan.stages.stage import Stage
from sanguinaria.workflow.durations import Correction, correction, expected_seconds, measured, work_with_start


@pytest.fixture
def planned() -> Plan:
    return plan_of()


def finish(results: Path, stage: Stage, seconds: float, start: float = 0.0, device: str = "") -> None:
    """Write the specifications of a result and of all that it depends on, and the log of its job."""
    for upstream in stage.upstream:
        store(results, upstream)
    store(results, stage)
    log = results / "logs" / stage.stage / f"{stage.key}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(f"{device}epoch 1\nspent: {seconds:.2f} s of work, {start:.2f} s to start, 300 MiB at most\n")
    changed = len(list(log.parent.iterdir()))
    os.utime(log.parent, (changed, changed))


def store(results: Path, stage: Stage) -> None:
    path = results / stage.stage / stage.key / "spec.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(stage.specification + "\n")
    for upstream in stage.upstream:
        store(results, upstream)


def test_without_logs_the_stated_rates_hold(planned, tmp_path):
    stage = next(iter(planned.stages["victims"].values()))
    assert expected_seconds(stage, "cpu", tmp_path) == stated_seconds(work_with_start(of_stage(stage)))


def test_a_measured_duration_replaces_the_stated_one(planned, tmp_path):
    lstm = [stage for stage in planned.stages["victims"].values() if "lstm" in stage.name]
    resnet = [stage for stage in planned.stages["victims"].values() if "resnet18" in stage.name]
    before = expected_seconds(resnet[0], "cpu", tmp_path)
    finish(tmp_path, lstm[0], seconds=100, start=2)
    assert expected_seconds(lstm[0], "cpu", tmp_path) == pytest.approx(102)
    # Another training of the same kind takes as long for each epoch and utterance; another kind is unchanged.
    assert expected_seconds(lstm[1], "cpu", tmp_path) == pytest.approx(102, rel=0.05)
    assert expected_seconds(resnet[0], "cpu", tmp_path) == before


def test_a_gpu_s_durations_are_those_of_that_gpu(planned, tmp_path):
    stage = next(stage for stage in planned.stages["victims"].values() if "resnet18" in stage.name)
    before = {device: expected_seconds(stage, device, tmp_path) for device in ("cpu", "a100", "h200")}
    finish(tmp_path, stage, 50, device="device: cuda (CUDA_VISIBLE_DEVICES=0, NVIDIA A100-SXM4-80GB)\n")
    assert expected_seconds(stage, "a100", tmp_path) == pytest.approx(50)
    assert expected_seconds(stage, "cpu", tmp_path) == before["cpu"]
    assert expected_seconds(stage, "h200", tmp_path) == before["h200"]


def test_unfinished_jobs_and_restored_results_are_left_out(planned, tmp_path):
    finished, failed, restored = list(planned.stages["victims"].values())[:3]
    for stage in (finished, failed, restored):
        finish(tmp_path, stage, 10)
    (tmp_path / "logs" / "victims" / f"{failed.key}.log").write_text("Error: no space\n")
    (tmp_path / "victims" / restored.key / "spec.json").unlink()
    os.utime(tmp_path / "logs" / "victims", (99, 99))
    assert [each.seconds for each in measured("victims", tmp_path)] == [10]


def test_results_of_a_former_format_are_left_out(planned, tmp_path):
    finished, former = list(planned.stages["victims"].values())[:2]
    for stage in (finished, former):
        finish(tmp_path, stage, 10)
    specification = json.loads(former.specification)
    specification["model"] = specification.pop("victim")
    (tmp_path / "victims" / former.key / "spec.json").write_text(json.dumps(specification))
    os.utime(tmp_path / "logs" / "victims", (99, 99))
    assert len(measured("victims", tmp_path)) == 1


def test_every_stage_has_work():
    assert {stage.stage for stage in all_stages()} == set(WORK)


def test_correction_of_an_unknown_kind_is_one(tmp_path):
    assert correction("victims", "victims/lstm", "cpu", tmp_path) == Correction()


def test_overheads_of_small_jobs_are_not_multiplied(planned, tmp_path):
    larger = plan_of(CONFIGURATION.replace("{kind: lstm,", "{kind: lstm, epochs: 35000,"))
    small, large = (
        next(stage for stage in made.stages["victims"].values() if "lstm" in stage.name) for made in (planned, larger)
    )
    stated = {stage: expected_seconds(stage, "cpu", tmp_path) for stage in (small, large)}
    assert stated[large] > 500 * stated[small]
    finish(tmp_path, small, seconds=stated[small] + 9)
    assert expected_seconds(small, "cpu", tmp_path) == pytest.approx(stated[small] + 9, abs=0.02)
    assert expected_seconds(large, "cpu", tmp_path) < 1.2 * stated[large]
