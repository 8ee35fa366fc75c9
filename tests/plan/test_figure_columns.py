"""A figure's columns are checked when it is planned, before anything is computed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from configured import merged
from plans import CONFIGURATION

from sanguinaria.core.errors import InputError
from sanguinaria.plan.configuration import load
from sanguinaria.plan.plan import Plan

ROOT = Path(__file__).parents[2]


def expand(series: dict[str, Any], **panel: Any) -> Plan:
    figure = {"experiment": "demo", "panels": [{"x": "rate", "y": "stoi"}, {"x": "rate", "y": "stoi", **panel}]}
    config = {**yaml.safe_load(CONFIGURATION), "figures": {"curves": {**figure, "series": series}}}
    plan = Plan(load(config))
    plan.expand(["curves"])
    return plan


@pytest.mark.parametrize(
    "panel",
    [
        {"y": "attack_success_rate"},
        {"y": "benign_accuracy_low", "where": {"poisoning": "flip-0.1"}},
        {"x": "snr_db", "order_by": ["trigger.strength", "trigger.level"]},
        {"x": "victim", "rows": "defence", "y": "detection_rate"},
        {"x": "defence.cutoff"},
    ],
)
def test_columns_of_a_table_and_of_its_entries_settings(panel: dict[str, Any]):
    plan = expand({"all": {"test_trigger": "tone", "victim.epochs": 35}}, **panel)
    assert set(plan.figures.made) == {"curves"}


@pytest.mark.parametrize(
    ("panel", "message"),
    [
        (
            {"y": "attack_sucess_rate"},
            "panels[1].y: unknown column 'attack_sucess_rate'; did you mean 'attack_success_rate'?",
        ),
        ({"x": "snr"}, "panels[1].x: unknown column 'snr'"),
        ({"rows": "defense"}, "panels[1].rows: unknown column 'defense'; did you mean 'defence'?"),
        (
            {"order_by": ["trigger.lvel"]},
            "panels[1].order_by: unknown column 'trigger.lvel'; did you mean 'trigger.level'?",
        ),
        ({"where": {"victm": "lstm"}}, "panels[1].where: unknown column 'victm'; did you mean 'victim'?"),
    ],
)
def test_a_misspelt_column(panel: dict[str, Any], message: str):
    with pytest.raises(InputError, match=re.escape(f"figures.curves.{message}")):
        expand({}, **panel)


def test_a_misspelt_column_of_a_series():
    with pytest.raises(InputError, match=r"figures\.curves\.series\.ours: unknown column 'triger'"):
        expand({"ours": {"triger": "tone"}})


@pytest.mark.parametrize("overlay", ["real", "paper"])
def test_the_columns_of_the_project_s_figures(overlay: str):
    plan = Plan(load(merged(ROOT / "config.yaml", ROOT / "config" / f"{overlay}.yaml")))
    plan.expand(plan.figures)
    assert len(plan.figures.made) == len(plan.figures) > 0


def test_a_figure_s_specification_has_the_colours_of_its_triggers():
    plan = Plan(load(merged(ROOT / "config.yaml", ROOT / "config" / "real.yaml")))
    colours = [
        json.loads(plan.figures[name].specification)["colours"] for name in ("bloodroot_figure2", "bloodroot_figure3")
    ]
    shared = set(colours[0]) & set(colours[1])
    assert {"bloodroot", "bloodroot_ft", "notch"} <= shared and "wake" not in colours[0]
    assert all(colours[0][trigger] == colours[1][trigger] for trigger in shared)
