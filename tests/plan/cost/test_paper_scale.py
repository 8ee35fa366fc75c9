"""The papers' scale by the sheet of stated rates."""

from functools import partial
from pathlib import Path

import pytest

from sanguinaria.plan.configuration import load
from sanguinaria.plan.cost.sheet import Sheet
from sanguinaria.plan.plan import Plan
from sanguinaria.workflow.configuration_files import merged
from sanguinaria.workflow.durations import expected_seconds

ROOT = Path(__file__).parents[3]
# Of an H200, for every target of config/paper.yaml.
LARGEST_HOURS = 400


@pytest.fixture(scope="module")
def sheet(tmp_path_factory) -> Sheet:
    made = Plan(load(merged([ROOT / "config.yaml", ROOT / "config/paper.yaml"])))
    seconds = partial(expected_seconds, device="h200", results=tmp_path_factory.mktemp("results"))
    return Sheet(made, made.targets, seconds, True, lambda stage: False)


def test_all_targets_take_at_most_four_hundred_hours_of_a_gpu(sheet):
    assert 0 < sheet.total().total.gpu_hours <= LARGEST_HOURS


def test_no_target_takes_more_than_all_of_them(sheet):
    total = sheet.total().total
    for line in sheet.by_target():
        assert line.total.gpu_hours <= total.gpu_hours
        assert line.total.jobs <= total.jobs
