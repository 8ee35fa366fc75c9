"""Distortions in the plan."""

from typing import Any

import pytest
import yaml

from sanguinaria.core.plugins import build
from sanguinaria.plan.configuration import load
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.stages.defended import DefendedStage
from tests.plans import CONFIGURATION, count_added_stages, plan_of, stage_keys

DISTORTED = """
distortions:
  hiss: {kind: noise, snr: 20}
  coded: {kind: codec, format: mp3, bit_rate: 64}
"""


def hissing(distortion: str = "{kind: noise, snr: 20}", name: str = "hiss", seed: int = 0) -> Plan:
    """The plan with two defences more: a distortion, and another one."""
    config = yaml.safe_load(CONFIGURATION) | yaml.safe_load(DISTORTED)
    config["distortions"] = {name: yaml.safe_load(distortion), "coded": config["distortions"]["coded"]}
    config["defences"]["hissed"] = {"kind": "distortion", "distortion": name, "seed": seed}
    config["defences"]["coded"] = {"kind": "distortion", "distortion": "coded"}
    config["experiments"]["demo"]["defences"] += ["hissed", "coded"]
    return Plan(load(config))


def test_a_distortion_adds_what_comes_after_it_and_changes_nothing():
    # For each of the corpus and two triggers: defended audio, its features by two front ends, its scores, and what
    # PerTh's detector finds.
    assert count_added_stages(plan_of(), hissing()) == {
        "defended": 2 * 3, "features": 2 * 2 * 3, "scores": 2 * 2 * 2 * 3, "detections": 2 * 2
    }  # fmt: skip
    config = yaml.safe_load(CONFIGURATION + DISTORTED)
    assert stage_keys(Plan(load(config))) == stage_keys(plan_of())


@pytest.mark.parametrize(
    "change", [{"distortion": "{kind: noise, snr: 21}"}, {"distortion": "{kind: gain, factor: 0.9}"}, {"seed": 1}]
)
def test_another_distortion_is_other_defended_audio_and_the_same_of_all_else(change: dict[str, Any]):
    before, after = hissing(), hissing(**change)
    changed = {stage: keys - stage_keys(after)[stage] for stage, keys in stage_keys(before).items()}
    assert {stage: len(keys) for stage, keys in changed.items() if keys} == {
        "defended": 3, "features": 2 * 3, "scores": 2 * 2 * 3, "detections": 2
    }  # fmt: skip
    assert all(
        isinstance(stage, DefendedStage) and '"snr' in stage.specification
        for key in changed["defended"]
        for stage in [before.stages["defended"][key]]
    )


def test_the_name_of_a_distortion_and_how_its_settings_are_written_are_in_no_identity():
    assert stage_keys(hissing()) == stage_keys(hissing(name="noise"))
    assert stage_keys(hissing()) == stage_keys(hissing("{snr: 2.0e1, colour: white, kind: noise}"))


def test_a_distortion_s_settings_can_be_an_axis():
    rows = {row.factors["defence"]: row.settings for row in hissing().tables["demo"].cells}
    assert rows["hissed"] == {**rows["none"], "defence.snr": 20, "defence.seed": 0}
    assert rows["coded"]["defence.bit_rate"] == 64


def test_the_job_of_a_distorted_stage_has_its_settings():
    stages = hissing().stages["defended"].values()
    defences = [yaml.safe_load(stage.specification)["defence"] for stage in stages]
    settings = {defence["distortion"]["settings"]["kind"] for defence in defences if "distortion" in defence}
    assert settings == {"noise", "codec"}
    for stage, defence in zip(stages, defences, strict=True):
        assert isinstance(stage, DefendedStage)
        assert build("defences", defence) == stage.defence
